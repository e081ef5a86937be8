/** Writes to two capture characteristics are taken in the order in which they came, whoever waits first. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import {
  ADV_DATA,
  bytes,
  CHAR_UUID,
  CHAR2_UUID,
  createPair,
  findCharacteristics,
  INTERVAL_US,
  SERVICE_UUID,
  text,
} from "../pair.ts";
import { createTwoCameras, discover } from "../two-cameras.ts";

describe("multi: aioble ble_write_order", () => {
  it("first, second, and second, first", async () => {
    const pair = createPair();
    const { advertise, Characteristic, registerServices, Service } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { write: true, capture: true } as const;
    const first = new Characteristic(service, new UUID(CHAR_UUID), options);
    const second = new Characteristic(service, new UUID(CHAR2_UUID), options);
    registerServices(service);
    const seen: string[] = [];
    const aborter = new pair.camera.globals.AbortController();
    const follow = async (characteristic: typeof first, label: string) => {
      try {
        for await (const { data } of characteristic.writes({ signal: aborter.signal })) {
          seen.push(`${label} ${text(data)}`);
        }
      } catch (error) {
        if (error !== aborter.signal.reason) throw error;
      }
    };
    await pair.run(
      async () => {
        // The one that is written last waits first.
        const followers = [follow(second, "second"), follow(first, "first")];
        await using connection = await advertise({
          intervalUs: INTERVAL_US,
          advData: ADV_DATA,
          timeoutMs: 5000,
        });
        await connection.disconnected();
        aborter.abort(new Error("enough"));
        await Promise.all(followers);
      },
      async () => {
        const link = await pair.connect();
        const [a, b] = await findCharacteristics(link, CHAR_UUID, CHAR2_UUID);
        for (let i = 0; i < 5; i++) {
          await Promise.all([link.write(a!, bytes(`c${i}`)), link.write(b!, bytes(`c${i}`))]);
          await pair.sleep(300);
        }
        for (let i = 0; i < 5; i++) {
          await Promise.all([link.write(b!, bytes(`r${i}`)), link.write(a!, bytes(`r${i}`))]);
          await pair.sleep(300);
        }
        await link.disconnect();
      },
    );
    const rounds = [0, 1, 2, 3, 4];
    deepEqual(seen, [
      ...rounds.flatMap((i) => [`first c${i}`, `second c${i}`]),
      ...rounds.flatMap((i) => [`second r${i}`, `first r${i}`]),
    ]);
  });

  it("between two cameras: the client's writes arrive in the order in which they were called", async () => {
    const cameras = createTwoCameras();
    const { Characteristic, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { write: true, capture: true } as const;
    const first = new Characteristic(service, new UUID(CHAR_UUID), options);
    const second = new Characteristic(service, new UUID(CHAR2_UUID), options);
    registerServices(service);
    const seen: string[] = [];
    first.onWrite = (_, data) => void seen.push(`first ${text(data)}`);
    second.onWrite = (_, data) => void seen.push(`second ${text(data)}`);
    await cameras.run(
      async () => {
        await (await cameras.advertise()).disconnected();
      },
      async () => {
        const connection = await cameras.connect();
        const [a, b] = await discover(connection, CHAR_UUID, CHAR2_UUID);
        await Promise.all([a!.write("c0"), b!.write("c0"), b!.write("c1"), a!.write("c1")]);
        await connection.disconnect();
      },
    );
    deepEqual(seen, ["first c0", "second c0", "second c1", "first c1"]);
  });
});
