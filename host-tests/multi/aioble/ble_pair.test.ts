/** ble_pair: the central pairs without a bond, and reads what only an encrypted link may read. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal, rejects } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "../pair.ts";
import { createTwoCameras, discover } from "../two-cameras.ts";

describe("multi: aioble ble_pair", () => {
  it("both sides are encrypted, neither authenticated nor bonded", async () => {
    const cameras = createTwoCameras();
    const { Characteristic, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const value = { read: true, security: "encrypted", initial: "encrypted_data" } as const;
    new Characteristic(service, new UUID(CHAR_UUID), value);
    registerServices(service);
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        equal(connection.encrypted, false);
        await cameras.wait("paired");
        deepEqual(
          [connection.encrypted, connection.authenticated, connection.bonded, connection.keySize],
          [true, false, false, 16],
        );
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        // The read alone would pair; the original asks for it.
        cameras.central.aioble.config({ autoPair: "never" });
        const connection = await cameras.connect();
        const [characteristic] = await discover(connection, CHAR_UUID);
        await rejects(characteristic!.read(), { code: "gatt-error", status: 0x05 });
        await connection.pair({ bond: false, leSecure: true, mitm: false, timeoutMs: 5000 });
        deepEqual([connection.encrypted, connection.authenticated, connection.bonded], [true, false, false]);
        cameras.broadcast("paired");
        equal(text(await characteristic!.read({ timeoutMs: 5000 })), "encrypted_data");
        await connection.disconnect({ timeoutMs: 5000 });
      },
    );
    for (const { aioble } of [cameras.central, cameras.peripheral]) equal(aioble.security.bonds.size, 0);
  });
});
