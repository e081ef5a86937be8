/** The log: its levels, the application's own lines, and what it never shows. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

/** A value that would be seen in a log, as text, in decimals or in hexadecimal. */
const SECRET = "p4ssw0rd";
const TRACES: readonly string[] = [
  SECRET,
  Array.from(SECRET, (character) => character.charCodeAt(0)).join(),
  Array.from(SECRET, (character) => character.charCodeAt(0).toString(16)).join(""),
  Array.from(SECRET, (character) => character.charCodeAt(0).toString(16)).join(" "),
];

/** A session of a phone that does what an application is for, and what the camera says meanwhile. */
async function logOfSession(logLevel: number | undefined): Promise<string[]> {
  const world = createWorld();
  const camera = addAioble(world);
  const { advertise, BufferedCharacteristic, config, registerServices, Service, stop } = camera.aioble;
  if (logLevel !== undefined) config({ logLevel });
  const service = new Service(new UUID(0x1815));
  const options = {
    read: true,
    write: true,
    notify: true,
    indicate: true,
    capture: true,
    maxLen: 100,
  } as const;
  const secret = new BufferedCharacteristic(service, new UUID(0x2a56), { ...options, initial: SECRET });
  secret.onWrite = () => {
    throw new Error("not now");
  };
  registerServices(service);
  const { phone } = world.addPhone();
  await world.run(async () => {
    const advertised = advertise({ intervalUs: 100_000, name: "obscura" });
    const link = await phone.connect(await phone.find({ name: "obscura" }));
    const connection = await advertised;
    const database = await link.discover();
    const target = database.characteristic(0x2a56);
    const value = Uint8Array.from(SECRET, (character) => character.charCodeAt(0));
    await link.exchangeMtu();
    await link.read(target);
    await link.write(target, value).catch(() => {});
    await link.writeWithoutResponse(target, value);
    await link.subscribe(target);
    await secret.notify(connection, SECRET);
    await link.subscribe(target, "indicate");
    await secret.indicate(connection, SECRET);
    await link.update({ intervalMs: 100, latency: 0, supervisionTimeoutMs: 6000 });
    await world.clock.sleep(200);
    await stop();
  });
  return camera.platform.console.map(({ level, message }) => `${level}: ${message}`);
}

const kinds = (lines: readonly string[]) => new Set(lines.map((line) => line.split(":")[0]!));

describe("aioble: log levels", () => {
  it("0 is silent, 1 has errors, 2 (at first) warnings too, 3 everything that happens", async () => {
    deepEqual(await logOfSession(0), []);
    deepEqual(kinds(await logOfSession(1)), new Set(["error"]));
    deepEqual(await logOfSession(undefined), await logOfSession(2));
    ok(!kinds(await logOfSession(2)).has("info"));
    const all = await logOfSession(3);
    ok(kinds(all).has("info") && kinds(all).has("error"));
    for (const event of [
      "is up",
      "has an MTU of 517",
      "changes its parameters",
      "ended: local host terminated",
      "asks 0x12 for handle",
    ]) {
      ok(
        all.some((line) => line.includes(event)),
        `nothing about "${event}"`,
      );
    }
  });

  it("none of them shows a value", async () => {
    for (const line of await logOfSession(3)) {
      for (const trace of TRACES) ok(!line.includes(trace), line);
    }
  });

  it("hold for the application's own lines", () => {
    const camera = addAioble(createWorld());
    const { config, logError, logInfo, logWarn } = camera.aioble;
    const say = () => {
      logError("lost", 3, new RangeError("x"));
      logWarn("slow");
      logInfo("here");
      const lines = camera.platform.console.splice(0).map(({ level, message }) => [level, message]);
      return lines as [string, string][];
    };
    const error: [string, string] = ["error", "[aioble] E: lost 3 RangeError: x"];
    const warning: [string, string] = ["warning", "[aioble] W: slow"];
    const info: [string, string] = ["info", "[aioble] I: here"];
    deepEqual(say(), [error, warning]);
    for (const [logLevel, lines] of [[], [error], [error, warning], [error, warning, info]].entries()) {
      config({ logLevel });
      deepEqual(say(), lines);
    }
    equal(config("logLevel"), 3);
  });
});
