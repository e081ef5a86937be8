/** A client pairs by itself when a peer refuses it for want of protection, and asks once more. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Config } from "../../firmware/ble/config.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const ENCRYPTED = new UUID(0xfff1);
const AUTHENTICATED = new UUID(0xfff2);

interface Scene {
  readonly client: AiobleCamera;
  readonly server: AiobleCamera;
  meet(): Promise<DeviceConnection>;
  sleep(delayMs: number): Promise<void>;
}

async function inScene(changes: Partial<Config>, work: (scene: Scene) => Promise<void>): Promise<void> {
  const world = createWorld();
  const [client, server] = [addAioble(world), addAioble(world)];
  client.aioble.config(changes);
  const { Characteristic, registerServices, Service } = server.aioble;
  const service = new Service(SERVICE);
  const options = { read: true, write: true, initial: "protected" } as const;
  new Characteristic(service, ENCRYPTED, { ...options, security: "encrypted" });
  new Characteristic(service, AUTHENTICATED, { ...options, security: "authenticated" });
  registerServices(service);
  await world.run(() =>
    work({
      client,
      server,
      sleep: (delayMs) => world.clock.sleep(delayMs),
      async meet() {
        const advertised = server.aioble.advertise({ intervalUs: 100_000 });
        const { ADDR_RANDOM, Device } = client.aioble;
        const connection = await new Device(ADDR_RANDOM, server.host.ownAddress).connect();
        await advertised;
        return connection;
      },
    }),
  );
}

async function findValue(connection: DeviceConnection, uuid: UUID) {
  const service = await connection.service(SERVICE);
  return (await service?.characteristic(uuid))!;
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

describe("pairing: by a client that is refused", () => {
  it("pairs and reads; what is asked meanwhile shares the pairing; a write is done once", () =>
    inScene({}, async ({ meet, server }) => {
      const connection = await meet();
      const value = await findValue(connection, ENCRYPTED);
      const [a, b] = await Promise.all([value.read(), value.read(), value.write("new")]);
      equal(text(a), "protected");
      equal(text(b).length > 0, true);
      deepEqual([connection.encrypted, connection.bonded], [true, true]);
      equal(server.host.encryption!.manager.failedPairings, 0);
      equal(text(await value.read()), "new");
    }));

  it("a bond encrypts the next link when it is asked for, also with autoPair: encrypt", () =>
    inScene({}, async ({ client, meet, server }) => {
      const first = await meet();
      await (await findValue(first, ENCRYPTED)).read();
      await first.disconnect();
      client.aioble.config({ autoPair: "encrypt" });
      const second = await meet();
      equal(text(await (await findValue(second, ENCRYPTED)).read()), "protected");
      equal(second.bonded, true);
      equal(server.host.encryption!.manager.failedPairings, 0);
    }));

  it("a user's passkey may take longer than a peer may be silent", () =>
    inScene({}, async ({ client, meet, server, sleep }) => {
      let shown = "";
      server.aioble.security.agent = {
        display({ passkey }) {
          shown = passkey;
        },
      };
      client.aioble.security.agent = {
        async input() {
          await sleep(8000);
          return shown;
        },
      };
      const connection = await meet();
      equal(text(await (await findValue(connection, ENCRYPTED)).read()), "protected");
      // Without being authenticated: nobody asked for that. The value that demands it does.
      equal(text(await (await findValue(connection, AUTHENTICATED)).read()), "protected");
      equal(connection.authenticated, true);
    }));

  it("without a user there is nothing to be done about a value that demands one: the peer's error", () =>
    inScene({}, async ({ meet }) => {
      const connection = await meet();
      const value = await findValue(connection, AUTHENTICATED);
      await rejects(value.read(), { code: "gatt-error", status: 0x05 });
      equal(connection.encrypted, true);
    }));

  for (const autoPair of ["never", "encrypt"] as const) {
    it(`autoPair: "${autoPair}" without a bond: the peer's error, and the link stays as it is`, () =>
      inScene({ autoPair }, async ({ meet }) => {
        const connection = await meet();
        const value = await findValue(connection, ENCRYPTED);
        await rejects(value.read(), { code: "gatt-error", status: 0x05 });
        equal(connection.encrypted, false);
      }));
  }

  it("a peer that does not pair: PairingError, once, and the client goes on", () =>
    inScene({}, async ({ meet, server }) => {
      server.aioble.config({ pairing: "never" });
      const connection = await meet();
      const value = await findValue(connection, ENCRYPTED);
      await rejects(value.read(), { code: "pairing-failed", reason: 0x05 });
      equal((await connection.service(SERVICE))?.uuid.equals(SERVICE), true);
    }));
});
