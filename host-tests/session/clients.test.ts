/**
 * Clients over the air of a camera on the host board, whose application logs a stack and notifies all the time: what `obscura logs`
 * makes of the stack, an upload beside a second client, and what the application does meanwhile.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { UUID } from "../../firmware/ble/uuid.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { build } from "../../tools/build/build.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { startCentral } from "../../tools/central/central.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { Program } from "../../tools/program.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { findCamera, type OpenCamera, openCamera } from "../../tools/update/camera-finder.ts";
import { signForDevelopment } from "../../tools/update/development.ts";
import { logs } from "../../tools/update/logs.ts";
import { ManagementError } from "../../tools/update/management-client.ts";

const NAME = "obscura-busy";
const VALUE = new UUID(0x2a6e);

/** So long that its upload takes a while. */
const random = new SeededRandom(1);
const TEXT = Array.from({ length: 2500 }, () => random.below(1e9).toString(36)).join("");

/** Counts in a notification every 20 ms, to whoever has subscribed, and logs an error. */
const APPLICATION = `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";

function measure(): never {
  throw new Error("no sensor");
}

const service = new Service(new UUID(0x181a));
const value = new Characteristic(service, new UUID(0x2a6e), { read: true, notify: true });
registerServices(service);
try {
  measure();
} catch (error) {
  console.error(error);
}
let count = 0;
const text = "${TEXT}";
setInterval(() => value.write(Uint8Array.of(count & 255, count++ >> 8), { sendUpdate: true }), 20);
for await (const connection of connections({ intervalUs: 30_000, name: "${NAME}", services: [service.uuid] }))
  console.log("a client:", connection.device.addrHex(), text.charAt(count));
`;

describe("clients of a camera that is busy", function () {
  this.timeout(600_000);
  const folder = join(buildRoot, "test-clients");
  const { signal } = new AbortController();
  const stops: (() => Promise<void>)[] = [];
  const lines: string[] = [];
  let hci: string;
  let bundle: Buffer;

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, "busy"), { recursive: true });
    writeFileSync(join(folder, "busy", "main.ts"), APPLICATION);
    const operation = build({ application: join(folder, "busy"), board: "host" });
    const { application, board, bytecode, image } = await perform(operation, () => undefined);
    bundle = readFileSync(signForDevelopment(bytecode, "host", { version: "2.0.0" }));
    const server = new SimulatorServer();
    stops.push(() => server.close());
    hci = await server.listen();
    const state = join(folder, "state");
    const command = await cameraCommand(board, { image, application, hci, state });
    // A flash that takes its time, so that the upload lasts.
    const program = new Program("camera", [...command, "--flash-ms", "12"], (line) => lines.push(line));
    stops.push(() => program.stop());
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") process.stderr.write(`${lines.join("\n")}\n`);
  });
  after(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A computer of its own that manages the camera. */
  async function client(name: string): Promise<OpenCamera> {
    const central = startCentral(hci, join(folder, `${name}.json`), (line) => lines.push(`${name}: ${line}`));
    stops.push(() => central.stop());
    return openCamera(await findCamera(central, NAME, signal), signal);
  }

  it("obscura logs shows a stack with the lines of the TypeScript", async () => {
    const shown: string[] = [];
    const operation = logs({
      ...{ radio: { kind: "controller", hci }, signal, bonds: join(folder, "logs.json") },
      ...{ camera: NAME, maps: [], once: true },
    });
    await perform(operation, (event) => {
      if (event.type === "line") shown.push(event.text);
    });
    const at = shown.findIndex((line) => line.includes("Error: no sensor"));
    const where = (call: string): number =>
      APPLICATION.split("\n").findIndex((line) => line.startsWith(call)) + 1;
    assert.ok(at >= 0, shown.join("\n"));
    assert.match(shown[at + 1]!, new RegExp(`^error: +at measure .*main\\.ts:${where("  throw")}:\\d+`));
    assert.match(shown[at + 2]!, new RegExp(`^error: +at .*main\\.ts:${where("  measure()")}:\\d+`));
  });

  it("serves its subscriber while another client uploads, and tells a second one who uploads to wait", async () => {
    const [uploader, other] = [await client("uploader"), await client("other")];
    const service = await other.connection.service(new UUID(0x181a));
    const value = await service!.characteristic(VALUE);
    await value!.subscribe({ queueSize: 1000 });
    const hash = createHash("sha256").update(bundle).digest();
    const counts: number[] = [];
    let isUploading = false;
    const taking = (async () => {
      await value!.notified();
      while (counts.length === 0 || isUploading) {
        const bytes = await value!.notified();
        if (isUploading) counts.push(bytes[0]! | (bytes[1]! << 8));
      }
    })();
    const offsets: number[] = [];
    let refused: unknown;
    let listed = 0;
    const begun = uploader.client.upload(bundle, hash, (offset) => {
      offsets.push(offset);
      isUploading = offset < bundle.length;
    });
    while (!isUploading) await new Promise((resolve) => setTimeout(resolve, 1));
    while (isUploading) {
      refused ??= await other.client.upload(bundle, hash).catch((error: unknown) => error);
      listed += (await other.client.list()).length;
    }
    await begun;
    await taking;
    assert.ok(refused instanceof ManagementError && refused.rc === 10, String(refused));
    assert.ok(listed > 0);
    assert.ok(offsets.length > 5 && offsets[0]! < bundle.length / 2, `${offsets}`);
    assert.ok(counts.length > 10, `${counts.length} notifications between the first chunk and the last`);
    assert.ok(
      counts.every((count, index) => index === 0 || count > counts[index - 1]!),
      `${counts}`,
    );
    const images = await other.client.list();
    assert.deepEqual(images.map(({ version, bootable }) => ({ version, bootable })).at(-1), {
      version: "2.0.0",
      bootable: true,
    });
  });
});
