/** ble_bond: pairing leaves a bond on both sides, which is kept. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "../pair.ts";
import { createTwoCameras, discover } from "../two-cameras.ts";

describe("multi: aioble ble_bond", () => {
  it("both sides are encrypted and bonded; each keeps one bond, with the other's identity", async () => {
    const cameras = createTwoCameras();
    const { Characteristic, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const value = { read: true, security: "encrypted", initial: "bonded_data" } as const;
    new Characteristic(service, new UUID(CHAR_UUID), value);
    registerServices(service);
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        await cameras.wait("paired");
        deepEqual([connection.encrypted, connection.authenticated, connection.bonded], [true, false, true]);
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const connection = await cameras.connect();
        const [characteristic] = await discover(connection, CHAR_UUID);
        await connection.pair({ bond: true, leSecure: true, mitm: false, timeoutMs: 5000 });
        deepEqual([connection.encrypted, connection.authenticated, connection.bonded], [true, false, true]);
        cameras.broadcast("paired");
        equal(text(await characteristic!.read({ timeoutMs: 5000 })), "bonded_data");
        await connection.disconnect({ timeoutMs: 5000 });
      },
    );
    for (const [camera, peer] of [
      [cameras.central, cameras.peripheral],
      [cameras.peripheral, cameras.central],
    ] as const) {
      const [bond, ...others] = camera.aioble.security.bonds.list();
      deepEqual(others, []);
      const { authenticated, connected, device, keySize, secureConnections } = bond!;
      deepEqual([authenticated, connected, keySize, secureConnections], [false, false, 16, true]);
      deepEqual([...device.addr], [...peer.host.ownAddress]);
    }
  });
});
