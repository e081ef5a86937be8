/** Writes longer than a packet, and longer than the room, into buffered characteristics. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { equal, rejects } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import {
  ADV_DATA,
  bytes,
  CHAR_UUID,
  CHAR2_UUID,
  CHAR3_UUID,
  createPair,
  findCharacteristics,
  INTERVAL_US,
  SERVICE_UUID,
  text,
  writeLong,
} from "../pair.ts";
import { createTwoCameras, discover } from "../two-cameras.ts";

const INVALID_ATTRIBUTE_VALUE_LENGTH = 0x0d;

describe("multi: aioble ble_buffered_characteristic", () => {
  it("what is too long is refused instead of cut, what is long arrives whole, appending adds up", async () => {
    const pair = createPair();
    const { advertise, BufferedCharacteristic, registerServices, Service } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const small = new BufferedCharacteristic(service, new UUID(CHAR_UUID), { write: true });
    const wide = new BufferedCharacteristic(service, new UUID(CHAR2_UUID), { write: true, maxLen: 40 });
    const added = new BufferedCharacteristic(service, new UUID(CHAR3_UUID), {
      write: true,
      maxLen: 80,
      append: true,
    });
    registerServices(service);
    await pair.run(
      async () => {
        const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
        await small.written({ timeoutMs: 5000 });
        equal(text(small.read()), "central1-bbbbbbbbbbb");
        await wide.written({ timeoutMs: 5000 });
        await wide.written({ timeoutMs: 5000 });
        equal(text(wide.read()), "central2a-bbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        pair.broadcast("mtu");
        await wide.written({ timeoutMs: 5000 });
        await wide.written({ timeoutMs: 5000 });
        equal(text(wide.read()), "central2b-bbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        equal(connection.mtu, 100);
        await added.written({ timeoutMs: 5000 });
        await added.written({ timeoutMs: 5000 });
        equal(text(added.read()), `central3-${"a".repeat(29)}central3-${"b".repeat(29)}`);
        equal(added.read().length, 0, "reading empties it");
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const link = await pair.connect();
        const found = await findCharacteristics(link, CHAR_UUID, CHAR2_UUID, CHAR3_UUID);
        const [first, second, third] = found as [(typeof found)[0], (typeof found)[0], (typeof found)[0]];
        const tooLong = { code: INVALID_ATTRIBUTE_VALUE_LENGTH };
        await rejects(writeLong(link, first, bytes(`central1-${"a".repeat(29)}`)), tooLong);
        await link.write(first, bytes("central1-bbbbbbbbbbb"));
        await writeLong(link, second, bytes(`central2a-${"a".repeat(28)}`));
        await pair.sleep(100);
        await writeLong(link, second, bytes(`central2a-${"b".repeat(28)}`));
        await pair.wait("mtu");
        await link.exchangeMtu(100);
        await link.write(second, bytes(`central2b-${"a".repeat(28)}`));
        await pair.sleep(100);
        await link.write(second, bytes(`central2b-${"b".repeat(28)}`));
        await link.write(third, bytes(`central3-${"a".repeat(29)}`));
        await pair.sleep(100);
        await link.write(third, bytes(`central3-${"b".repeat(29)}`));
        await link.disconnect();
      },
    );
  });

  it("between two cameras: the client's long writes arrive whole, at every MTU, and what is too long is refused", async () => {
    const cameras = createTwoCameras();
    const { BufferedCharacteristic, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const small = new BufferedCharacteristic(service, new UUID(CHAR_UUID), { write: true });
    const wide = new BufferedCharacteristic(service, new UUID(CHAR2_UUID), { write: true, maxLen: 40 });
    const options = { write: true, maxLen: 80, append: true };
    const added = new BufferedCharacteristic(service, new UUID(CHAR3_UUID), options);
    registerServices(service);
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        await connection.disconnected();
        equal(connection.mtu, 100);
        equal(text(small.read()), "central1-bbbbbbbbbbb");
        equal(text(wide.read()), `central2b-${"b".repeat(28)}`);
        equal(text(added.read()), `central3-${"a".repeat(29)}central3-${"b".repeat(29)}`);
        equal(added.read().length, 0, "reading empties it");
      },
      async () => {
        const connection = await cameras.connect();
        const [first, second, third] = await discover(connection, CHAR_UUID, CHAR2_UUID, CHAR3_UUID);
        const tooLong = { name: "GattError", status: INVALID_ATTRIBUTE_VALUE_LENGTH };
        await rejects(first!.write(`central1-${"a".repeat(29)}`, { response: true }), tooLong);
        await first!.write("central1-bbbbbbbbbbb", { response: true });
        await second!.write(`central2a-${"a".repeat(28)}`, { response: true });
        equal(text(wide.read()), `central2a-${"a".repeat(28)}`);
        equal(await connection.exchangeMtu({ mtu: 100 }), 100);
        await second!.write(`central2b-${"b".repeat(28)}`, { response: true });
        await third!.write(`central3-${"a".repeat(29)}`, { response: true });
        await third!.write(`central3-${"b".repeat(29)}`, { response: true });
        await connection.disconnect();
      },
    );
  });
});
