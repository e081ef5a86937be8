/**
 * The camera starts anew, or falls asleep: its peers get a reason at once, and no wait of the application's ends, for whatever an
 * application does not catch would count as its failure.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const COMMAND = 0x2a56;
const ANSWER = 0x2a57;
const OPTIONS = { intervalUs: 100_000, name: "obscura" };

function createScene() {
  const world = createWorld();
  const camera = addAioble(world, { controller: { aclPackets: 4 } });
  const { Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(0x1815));
  const command = new Characteristic(service, new UUID(COMMAND), { write: true });
  const answer = new Characteristic(service, new UUID(ANSWER), { notify: true, indicate: true });
  registerServices(service);
  const { phone } = world.addPhone();
  return { world, camera, command, answer, phone };
}

type Scene = ReturnType<typeof createScene>;

/** What an application may be at, beside a central that is connected. None of it catches anything. */
const PROGRAMS: Readonly<Record<string, (scene: Scene, connection: DeviceConnection) => Promise<unknown>>> = {
  "advertises for the next central": ({ camera }) => camera.aioble.advertise(OPTIONS),
  "waits in connections()": async ({ camera }) => {
    for await (const _ of camera.aioble.connections(OPTIONS));
  },
  broadcasts: ({ camera }) => camera.aioble.broadcast({ ...OPTIONS, timeoutMs: 60_000 }),
  "waits for a write": ({ command }) => command.written(),
  "waits for the end of the link": (_, connection) => connection.disconnected({ timeoutMs: 60_000 }),
  "has the link until the end of a block": async (_, connection) => {
    await using held = connection;
    await held.disconnected({ timeoutMs: 60_000 });
  },
  "is in the handler of a write": async ({ command }, connection) => {
    for await (const writer of command.writes()) await (writer ?? connection).disconnected();
  },
  indicates: async ({ answer }, connection) => {
    for (let count = 0; ; count++) await answer.indicate(connection, `${count}`, { timeoutMs: 60_000 });
  },
  scans: async ({ camera }) => {
    for await (const _ of camera.aioble.scan({ durationMs: 60_000 }));
  },
  "looks for a device": ({ camera: { aioble } }) =>
    new aioble.Device(aioble.ADDR_RANDOM, "c0:00:00:00:00:01").connect({ timeoutMs: 60_000 }),
  "asks its peer": (_, connection) => connection.service(new UUID(0x1800)),
};

describe("aioble: the end of the camera's run", () => {
  for (const [what, program] of Object.entries(PROGRAMS)) {
    it(`an application that ${what} notices nothing`, async () => {
      const scene = createScene();
      const { camera, phone, world } = scene;
      await world.run(async () => {
        const advertised = camera.aioble.advertise(OPTIONS);
        const link = await phone.connect(await phone.find({ name: "obscura" }));
        const database = await link.discover();
        const connection = await advertised;
        if (what === "indicates") await link.subscribe(database.characteristic(ANSWER), "indicate");
        const news: string[] = [];
        program(scene, connection).then(
          () => news.push("fulfilled"),
          (error: Error) => news.push(String(error)),
        );
        if (what.includes("handler")) await link.write(database.characteristic(COMMAND), new Uint8Array(1));
        await world.clock.sleep(0);
        const gone = link.disconnected().then((reason) => news.push(`link ended 0x${reason.toString(16)}`));
        await camera.host.depart();
        await gone;
        // From here on the camera is gone.
        await world.clock.sleep(0);
        deepEqual(news, ["link ended 0x15"]);
        deepEqual(diagnostics(camera), []);
        equal(camera.platform.console.filter(({ level }) => level === "error").length, 0);
      });
    });
  }
});
