/** The camera as the client of peripherals whose hosts none of us wrote. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  CLOSED,
  COMMANDS,
  COUNT,
  INDICATING,
  LONG,
  NOTIFYING,
  SERVICE,
  SHORT,
} from "../applications/reader/names.ts";
import { assertDecodes } from "../btsnoop.ts";
import type { CameraKind } from "../cameras.ts";
import type { Rig } from "../rig.ts";
import { useRig } from "../use-rig.ts";

/** What one tour may take, in QEMU on a busy computer. */
const TOUR_MS = 240_000;

const uuid = (text: string): string => `UUID('${text.toLowerCase()}')`;
const bytes = (text: string): string => [...Buffer.from(text)].join(",");

/** Runs a whole tour of the application; what it said. */
async function tour({ camera }: Rig): Promise<string[]> {
  const from = camera.console.length;
  await camera.line(/reader: (done|failed)/, TOUR_MS, from);
  const marked = camera.console.slice(from).map((line) => /reader: (.*)/.exec(line)?.[1]);
  const lines = marked.filter((line) => line !== undefined);
  return lines.slice(lines.indexOf("connected"));
}

function assertTour(lines: readonly string[]): void {
  const of = (what: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${what} `) && !line.startsWith("long write"))
      .map((line) => line.slice(what.length + 1));
  assert.equal(lines.at(-1), "done", lines.join("\n"));
  assert.deepEqual(of("mtu"), ["185, asked again 185"]);
  const services = of("service");
  assert.ok(services.includes(uuid(SERVICE)) && services.includes("UUID(0x180f)"), services.join("\n"));
  const characteristics = of("characteristic").map((line) => line.trim());
  const cccd = "UUID(0x2902)";
  for (const [found, properties, descriptors] of [
    [uuid(SHORT), 0x0a, ""],
    [uuid(COMMANDS), 0x04, ""],
    [uuid(COUNT), 0x02, ""],
    [uuid(NOTIFYING), 0x10, cccd],
    [uuid(INDICATING), 0x20, cccd],
    [uuid(CLOSED), 0x02, ""],
    ["UUID(0x2a19)", 0x12, cccd],
  ] as const) {
    assert.ok(
      characteristics.includes(`${found} ${properties} ${descriptors}`.trim()),
      `${found}\n${characteristics.join("\n")}`,
    );
  }
  assert.ok(characteristics.some((line) => line.startsWith(uuid(LONG))));
  assert.deepEqual(of("level"), ["77"]);
  assert.deepEqual(of("another service"), ["undefined"]);
  assert.deepEqual(of("short"), [bytes("short"), bytes("written")]);
  assert.deepEqual(of("long"), ["300 bytes right"]);
  assert.ok(lines.includes("long write done, 400 bytes right"), lines.join("\n"));
  assert.deepEqual(of("commands"), ["3"]);
  assert.deepEqual(of("multiple"), ["7 1"]);
  assert.deepEqual(of("closed"), ["refused 0x80"]);
  assert.deepEqual(of("at once"), ["7 1 7"]);
  assert.deepEqual(of("notified"), ["0 1 2 3 4"]);
  assert.deepEqual(of("indicated"), ["0 1 2 3 4"]);
}

export function reading(kind: CameraKind): void {
  if (!kind.runsOurApplications) return;
  describe("as a client", () => {
    const rig = useRig(kind, "reader");

    it("discovers, reads, writes and subscribes to what ble-host serves", async () => {
      await rig().bleHostPeripheral();
      assertTour(await tour(rig()));
    });

    it("discovers, reads, writes and subscribes to what Bumble serves", async () => {
      await rig().bumblePeripheral();
      assertTour(await tour(rig()));
    });

    it("its trace decodes without a fault", async () => {
      await assertDecodes(rig().snoopPath);
    });
  });
}
