/** Descriptors of the application: discovered, read, written. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import {
  ADV_DATA,
  bytes,
  CHAR_UUID,
  CHAR2_UUID,
  CHAR3_UUID,
  createPair,
  findService,
  INTERVAL_US,
  SERVICE_UUID,
  text,
} from "../pair.ts";
import { createTwoCameras, discover } from "../two-cameras.ts";

const CHAR_DESC1 = new UUID("00000000-1111-2222-3333-444444444445");
const CHAR_DESC2 = new UUID("00000000-1111-2222-3333-444444444446");
const CHAR3_DESC1 = new UUID("00000000-1111-2222-3333-666666666667");
const CCCD = new UUID(0x2902);

describe("multi: aioble ble_descriptor", () => {
  it("each characteristic has its own and the CCCD; they are read, and one is written", async () => {
    const pair = createPair();
    const { advertise, Characteristic, Descriptor, registerServices, Service } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { read: true, write: true, notify: true, indicate: true };
    const char1 = new Characteristic(service, new UUID(CHAR_UUID), options);
    new Descriptor(char1, CHAR_DESC1, { read: true }).write("char1_desc1");
    const written = new Descriptor(char1, CHAR_DESC2, { read: true, write: true });
    written.write("char1_desc2");
    new Characteristic(service, new UUID(CHAR2_UUID), options);
    const char3 = new Characteristic(service, new UUID(CHAR3_UUID), options);
    new Descriptor(char3, CHAR3_DESC1, { read: true }).write("char3_desc1");
    registerServices(service);
    await pair.run(
      async () => {
        const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
        equal(await written.written(), connection);
        equal(text(written.read()), "update");
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const link = await pair.connect();
        const { characteristics } = await findService(link);
        const described = characteristics.map(({ descriptors }) =>
          descriptors.map(({ uuid }) => String(uuid)).sort(),
        );
        deepEqual(described, [
          [CHAR_DESC1, CHAR_DESC2, CCCD].map(String).sort(),
          [String(CCCD)],
          [CHAR3_DESC1, CCCD].map(String).sort(),
        ]);
        const find = (uuid: UUID) => {
          const all = characteristics.flatMap(({ descriptors }) => [...descriptors]);
          const found = all.find((descriptor) => descriptor.uuid.equals(uuid));
          ok(found);
          return found;
        };
        equal(text(await link.read(find(CHAR_DESC1))), "char1_desc1");
        equal(text(await link.read(find(CHAR_DESC2))), "char1_desc2");
        await link.write(find(CHAR_DESC2), bytes("update"));
        equal(text(await link.read(find(CHAR_DESC2))), "update");
        equal(text(await link.read(find(CHAR3_DESC1))), "char3_desc1");
        await link.disconnect();
      },
    );
  });

  it("between two cameras: the client discovers them, reads them, and writes one", async () => {
    const cameras = createTwoCameras();
    const { Characteristic, Descriptor, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const char1 = new Characteristic(service, new UUID(CHAR_UUID), { read: true, notify: true });
    new Descriptor(char1, CHAR_DESC1, { read: true }).write("char1_desc1");
    const written = new Descriptor(char1, CHAR_DESC2, { read: true, write: true });
    written.write("char1_desc2");
    new Characteristic(service, new UUID(CHAR2_UUID), { read: true });
    const char3 = new Characteristic(service, new UUID(CHAR3_UUID), { read: true });
    new Descriptor(char3, CHAR3_DESC1, { read: true }).write("char3_desc1");
    registerServices(service);
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        equal(await written.written(), connection);
        equal(text(written.read()), "update");
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const connection = await cameras.connect();
        const found = await discover(connection, CHAR_UUID, CHAR2_UUID, CHAR3_UUID);
        const described: string[][] = [];
        for (const characteristic of found) {
          const uuids: string[] = [];
          for await (const { uuid } of characteristic.descriptors()) uuids.push(String(uuid));
          described.push(uuids.sort());
        }
        deepEqual(described, [[CHAR_DESC1, CHAR_DESC2, CCCD].map(String).sort(), [], [String(CHAR3_DESC1)]]);
        const [first, , third] = found;
        equal(text(await (await first!.descriptor(CHAR_DESC1))!.read()), "char1_desc1");
        const second = (await first!.descriptor(CHAR_DESC2))!;
        equal(text(await second.read()), "char1_desc2");
        await second.write("update", { response: true });
        equal(text(await second.read()), "update");
        equal(text(await (await third!.descriptor(CHAR3_DESC1))!.read()), "char3_desc1");
        await connection.disconnect();
      },
    );
  });
});
