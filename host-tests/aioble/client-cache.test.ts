/** Databases of peers that are remembered from link to link. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { collect, createScriptedServer } from "../support/scripted-server.ts";
import { describe, it } from "../support/suite.ts";

const FIRST = new UUID(0xfff0);
const SECOND = new UUID(0xfff8);

function offer({ aioble }: AiobleCamera, ...uuids: readonly UUID[]): void {
  const services = uuids.map((uuid) => new aioble.Service(uuid));
  for (const service of services) {
    for (let count = 1; count <= 3; count++) {
      new aioble.Characteristic(service, new UUID(service.uuid.short + count), {
        read: true,
        notify: true,
        initial: "x",
      });
    }
  }
  aioble.registerServices(...services);
}

interface Scene {
  readonly client: AiobleCamera;
  readonly server: AiobleCamera;
  /** Connects; the opcodes of what the client asks from then on. */
  meet(): Promise<{
    readonly connection: DeviceConnection;
    readonly asked: number[];
    leave(): Promise<void>;
  }>;
  sleep(delayMs: number): Promise<void>;
}

async function withCache(gattCacheSize: number, work: (scene: Scene) => Promise<void>): Promise<void> {
  const world = createWorld();
  const client = addAioble(world);
  const server = addAioble(world);
  client.aioble.config({ gattCacheSize });
  offer(server, FIRST);
  await world.run(async () => {
    await server.host.activate();
    const { ADDR_RANDOM, Device } = client.aioble;
    const device = new Device(ADDR_RANDOM, server.host.ownAddress);
    await work({
      client,
      server,
      sleep: (delayMs) => world.clock.sleep(delayMs),
      async meet() {
        const incoming = server.aioble.advertise({ intervalUs: 20_000 });
        const connection = await device.connect();
        const other = await incoming;
        await connection.exchangeMtu();
        const asked: number[] = [];
        const { bearer } = connection.link;
        const send = bearer.send.bind(bearer);
        bearer.send = (pdu) => {
          if ((pdu[0]! & 1) === 0 && pdu[0] !== 0x1e) asked.push(pdu[0]!);
          return send(pdu);
        };
        const leave = async (): Promise<void> => {
          await connection.disconnect();
          await other.disconnected();
        };
        return { connection, asked, leave };
      },
    });
  });
}

/** Everything that a peer has: UUIDs of services, characteristics and descriptors. */
async function walk(connection: DeviceConnection): Promise<string[]> {
  const found: string[] = [];
  for await (const service of connection.services()) {
    found.push(`${service.uuid}`);
    for await (const characteristic of service.characteristics()) {
      found.push(`${characteristic.uuid}`);
      for await (const { uuid } of characteristic.descriptors()) found.push(`${uuid}`);
    }
  }
  return found;
}

const READ_BY_TYPE = 0x08;
const WRITE = 0x12;

describe("client: databases that are remembered", () => {
  it("a device that comes again is asked for its hash and told of us, and nothing is discovered again", async () => {
    await withCache(1, async ({ meet }) => {
      const first = await meet();
      const found = await walk(first.connection);
      ok(first.asked.length > 5);
      const again = first.asked.length;
      deepEqual(await walk(first.connection), found);
      equal(first.asked.length, again, "nothing is asked twice on one link");
      await first.leave();
      const second = await meet();
      deepEqual(await walk(second.connection), found);
      deepEqual(second.asked, [READ_BY_TYPE, WRITE, WRITE]);
      const service = await second.connection.service(FIRST);
      const characteristic = await service?.characteristic(new UUID(0xfff1));
      deepEqual(await characteristic?.read(), new Uint8Array([0x78]));
      await characteristic?.subscribe();
    });
  });

  it("without the setting every look asks the device", async () => {
    await withCache(0, async ({ meet }) => {
      const { asked, connection } = await meet();
      await walk(connection);
      const once = asked.length;
      await walk(connection);
      equal(asked.length, 2 * once);
    });
  });

  it("a device whose database is another than it was is discovered again", async () => {
    await withCache(1, async ({ meet, server }) => {
      const first = await meet();
      await walk(first.connection);
      await first.leave();
      offer(server, FIRST, SECOND);
      const second = await meet();
      ok((await walk(second.connection)).includes(String(SECOND)));
      ok(second.asked.length > 5);
    });
  });

  it("a change on the link is heard: the next look finds what there is", async () => {
    await withCache(1, async ({ client, meet, server, sleep }) => {
      const { connection } = await meet();
      equal(await connection.service(SECOND), undefined);
      let changes = 0;
      connection.onServicesChanged = () => {
        changes++;
      };
      offer(server, SECOND);
      await sleep(500);
      equal(changes, 1);
      equal(client.aioble.counters().client!.knownAttributes, 0);
      equal(await connection.service(FIRST), undefined);
      ok(await connection.service(SECOND));
    });
  });

  it("as many are remembered as the setting says, those that were used last", async () => {
    await withCache(2, async ({ client, meet }) => {
      const first = await meet();
      await walk(first.connection);
      await first.leave();
      client.aioble.config({ gattCacheSize: 0 });
      client.aioble.config({ gattCacheSize: 2 });
      const second = await meet();
      await walk(second.connection);
      ok(second.asked.length > 5, "0 forgets all");
    });
  });
});

describe("client: remembering, hostile servers", () => {
  const enable = async () => {
    const peer = await createScriptedServer(100);
    peer.rig.aioble.config({ gattCacheSize: 4 });
    return peer;
  };

  it("a peer without a hash, or that does not show it, is discovered once on each link", async () => {
    for (const answer of ["01 08 01 00 0a", "01 08 01 00 05", "09 03 05 00 01"]) {
      const peer = await enable();
      const all = collect(peer.connection.services());
      deepEqual(await peer.answer(all, answer, "11 06 01 00 ff ff 0f 18"), [
        "08 01 00 ff ff 2a 2b",
        "10 01 00 ff ff 00 28",
      ]);
      equal((await all).length, 1);
      equal((await collect(peer.connection.services())).length, 1);
      deepEqual(await peer.sent(), []);
    }
  });

  it("a peer that refuses to say when it changes is discovered all the same", async () => {
    const peer = await enable();
    const all = collect(peer.connection.services());
    await peer.answer(
      all,
      "01 08 01 00 0a",
      "11 06 01 00 04 00 01 18 05 00 ff ff 0f 18",
      "09 07 02 00 20 03 00 05 2a",
      "05 01 04 00 02 29",
      "01 12 04 00 05",
    );
    equal((await all).length, 2);
  });

  it("Database Out Of Sync says so, and what was known is forgotten", async () => {
    const peer = await enable();
    const all = collect(peer.connection.services());
    await peer.answer(all, "01 08 01 00 0a", "11 06 01 00 ff ff 0f 18");
    const [service] = await all;
    let changes = 0;
    peer.connection.onServicesChanged = () => {
      changes++;
      throw new Error("application bug");
    };
    const characteristic = service!.characteristic(new UUID(0x2a19));
    await peer.answer(characteristic, "01 08 02 00 12");
    await rejects(characteristic, { name: "GattError", status: 0x12 });
    equal(changes, 1);
    ok(peer.rig.log.some(([level, line]) => level === "error" && line.includes("onServicesChanged")));
    const again = collect(peer.connection.services());
    deepEqual(await peer.answer(again, "01 08 01 00 0a", "01 10 01 00 0a"), [
      "08 01 00 ff ff 2a 2b",
      "10 01 00 ff ff 00 28",
    ]);
    deepEqual(await again, []);
  });
});
