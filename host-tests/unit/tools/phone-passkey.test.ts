/** A person at the prompt of `obscura phone` who types what the camera shows. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { createSignals } from "../../../firmware/platform/globals.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { computerPlatform } from "../../../tools/central/host.ts";
import { MemoryRecords } from "../../../tools/central/memory-records.ts";
import { runPhone } from "../../../tools/phone/command.ts";
import { TypedLines } from "../../../tools/phone/typed-lines.ts";
import { createRealClock } from "../../../tools/radio/real-clock.ts";
import { SimulatorServer } from "../../../tools/radio/simulator-server.ts";
import type { CentralEvent } from "../../../tools/rig/events.ts";
import { createWholeModules } from "../../support/modules.ts";

/** Types the steps up to `pair` near a camera with a display, then what `typed` makes of the number, and reports what was seen. */
async function pairAtPrompt(typed: (passkey: string) => string): Promise<CentralEvent[]> {
  const server = new SimulatorServer();
  const hci = await server.listen();
  const clock = createRealClock();
  const identity = new Uint8Array(8);
  const platform = computerPlatform({ clock, hci, identity, onLine: () => undefined, onGone: undefined });
  const host = new Host(platform, new MemoryRecords());
  const { aioble } = createWholeModules(host, createSignals(platform));
  const input = new PassThrough();
  const seen: CentralEvent[] = [];
  aioble.security.agent = { display: ({ passkey }) => void input.write(`${typed(passkey)}\n`) };
  aioble.advertise({ intervalUs: 20_000 }).catch(() => undefined);
  input.write("connect\npair\n");
  try {
    const { signal } = new AbortController();
    const prompt = (): void => undefined;
    for await (const event of runPhone({ radio: { kind: "controller", hci }, input, prompt, signal })) {
      if (event.type !== "central") continue;
      seen.push(event.central);
      if (event.central.event === "paired" || event.central.event === "failed") input.end("exit\n");
    }
  } finally {
    await host.deactivate();
    clock.stop();
    await server.close();
  }
  return seen;
}

describe("obscura phone: a person types the passkey", () => {
  it("in a line of its own, in the middle of the step", async () => {
    const seen = await pairAtPrompt((passkey) => ` ${passkey} `);
    const events = seen.map(({ event }) => event);
    assert.deepEqual(events.slice(-2), ["types", "paired"]);
    const paired = seen.at(-1);
    assert.ok(paired?.event === "paired" && paired.authenticated);
  });

  it("and gives up with anything else", async () => {
    const failed = (await pairAtPrompt(() => "disconnect")).at(-1);
    assert.ok(failed?.event === "failed");
    assert.equal(failed.code, 0x01);
  });

  it("a line that comes too late is the next step", async () => {
    const clock = new VirtualClock();
    let come: (line: string) => void = () => undefined;
    const lines = new TypedLines({
      next: () =>
        new Promise((resolve) => {
          come = (value) => resolve({ done: false, value });
        }),
    });
    await clock.run(async () => {
      assert.equal(await lines.nextWithin(1000, clock), undefined);
      come("read 2a00");
      assert.equal(await lines.next(), "read 2a00");
      const within = lines.nextWithin(1000, clock);
      come("123456");
      assert.equal(await within, "123456");
    });
    assert.equal(clock.now(), 1000);
  });
});
