import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { COMMAND_TIMEOUT_MS } from "../../../../firmware/ble/hci/command-queue.ts";
import { fromHex } from "../../../support/bytes.ts";
import * as commands from "../../../support/commands.ts";
import { aclFrame, commandComplete, SILENCE } from "../../../support/scripted-controller.ts";
import { setUp, watch } from "./hci-scene.ts";

describe("Hci: what has arrived is looked at before a timeout is believed", () => {
  const answer = commandComplete(0x1009, fromHex("00 01 00 00 ee ff 00"));
  const noise = Array.from({ length: 30 }, () => aclFrame(0x99, 4, new Array<number>(200).fill(0)));

  /** As a loop does that was kept from its turn until the time was up: reads a part, then lets timers run. */
  function deliverInTurns(
    scene: ReturnType<typeof setUp>,
    ...turns: readonly (readonly Uint8Array[])[]
  ): void {
    const [turn, ...later] = turns;
    if (!turn) return;
    scene.controller.deliver(...turn);
    scene.clock.setTimer(() => deliverInTurns(scene, ...later), 0);
  }

  function send(scene: ReturnType<typeof setUp>) {
    scene.controller.script(0x1009, SILENCE);
    return watch(scene.hci.send(commands.readBdAddr, {}));
  }

  it("the answer waits behind 6 KB of data, more than one turn takes: it counts", async () => {
    const scene = setUp();
    const seen = send(scene);
    scene.clock.setTimer(
      () => deliverInTurns(scene, noise.slice(0, 20), [...noise.slice(20), answer]),
      COMMAND_TIMEOUT_MS,
    );
    await scene.clock.advance(COMMAND_TIMEOUT_MS + 1000);
    assert.equal(seen.state, "resolved");
    assert.deepEqual(scene.failures, []);
    assert.equal(scene.clock.pending, 0);
  });

  it("also the answer alone, in the turn after the time was up", async () => {
    const scene = setUp();
    const seen = send(scene);
    scene.clock.setTimer(() => scene.controller.deliver(answer), COMMAND_TIMEOUT_MS);
    await scene.clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(seen.state, "resolved");
  });

  it("a controller that is silent is dead at that moment, not later", async () => {
    const scene = setUp();
    const seen = send(scene);
    await scene.clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.equal(seen.state, "pending");
    await scene.clock.advance(1);
    assert.equal(seen.error?.code, "controller-timeout");
  });

  it("one that talks on and does not answer is dead too, within 1.5 s", async () => {
    const scene = setUp();
    const seen = send(scene);
    const talk = (): void => {
      scene.controller.deliver(noise[0]!);
      scene.clock.setTimer(talk, 10);
    };
    talk();
    await scene.clock.advance(COMMAND_TIMEOUT_MS + 1500);
    assert.equal(seen.error?.code, "controller-timeout");
  });

  for (const gapMs of [25, 90]) {
    it(`the answer behind data that come every ${gapMs} ms, as on a slow line, counts`, async () => {
      const scene = setUp();
      const seen = send(scene);
      const endMs = COMMAND_TIMEOUT_MS + 1000;
      for (let atMs = gapMs; atMs < endMs; atMs += gapMs)
        scene.clock.setTimer(() => scene.controller.deliver(noise[0]!), atMs);
      scene.clock.setTimer(() => scene.controller.deliver(answer), endMs);
      await scene.clock.advance(endMs - 1);
      assert.equal(seen.state, "pending");
      await scene.clock.advance(1);
      assert.equal(seen.state, "resolved");
      assert.deepEqual(scene.failures, []);
    });
  }

  it("data that came long before the time was up are no sign of life", async () => {
    const scene = setUp();
    const seen = send(scene);
    scene.clock.setTimer(() => scene.controller.deliver(noise[0]!), COMMAND_TIMEOUT_MS - 101);
    await scene.clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(seen.error?.code, "controller-timeout");
  });

  it("the command behind it has its whole time", async () => {
    const scene = setUp();
    const first = send(scene);
    const second = send(scene);
    scene.clock.setTimer(() => scene.controller.deliver(answer), COMMAND_TIMEOUT_MS);
    await scene.clock.advance(2 * COMMAND_TIMEOUT_MS - 1);
    assert.deepEqual([first.state, second.state], ["resolved", "pending"]);
    await scene.clock.advance(1);
    assert.equal(second.error?.code, "controller-timeout");
  });
});

describe("Hci: an error says what happened", () => {
  it("a command that was not answered", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x1009, SILENCE);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.match(seen.error!.message, /did not answer Read BD_ADDR within 2000 ms/);
  });

  it("a command that was never sent, for the controller allowed none", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x1009, () => [commandComplete(0x1009, fromHex("00 01 00 00 ee ff 00"), 0)]);
    const first = watch(hci.send(commands.readBdAddr, {}));
    const second = watch(hci.send(commands.leRand, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(first.state, "resolved");
    assert.match(second.error!.message, /allowed no command for 2000 ms, so LE Rand was not sent/);
  });

  it("a command that was never sent, for the line took no bytes", async () => {
    const { hci, controller, clock } = setUp();
    controller.room = 0;
    const seen = watch(hci.send(commands.leRand, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.match(seen.error!.message, /took no bytes for 2000 ms, so LE Rand was not sent/);
  });

  it("Reset at the end, of a controller that allowed no command, is named itself", async () => {
    const { hci, controller, clock, log } = setUp();
    controller.script(0x1009, () => [commandComplete(0x1009, fromHex("00 01 00 00 ee ff 00"), 0)]);
    watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    const waiting = watch(hci.send(commands.leRand, {}));
    await clock.advance(1000);
    const retired = hci.retire();
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.equal(waiting.error?.code, "radio-off");
    assert.equal(log.length, 0, "Reset has its whole time");
    await clock.advance(1);
    await retired;
    assert.match(log.at(-1)!, /so Reset was not sent/);
  });
});
