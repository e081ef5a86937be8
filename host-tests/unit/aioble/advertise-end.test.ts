import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { AdvertiseOptions } from "../../../firmware/aioble/advertising.ts";
import { createActiveRig, ENABLE, ENABLE_OFF, ENABLE_ON, isOnAir } from "../../support/advertising.ts";
import { createRig, HANDLE } from "../../support/rig.ts";
import {
  type Answer,
  aclFrame,
  commandComplete,
  connectionComplete,
  disconnectionComplete,
  SILENCE,
} from "../../support/scripted-controller.ts";

const PARAMETERS = 0x2006;
const OPTIONS: AdvertiseOptions = { intervalUs: 250_000 };

describe("advertise(): its end", () => {
  it("timeout: off the air before the promise rejects", async () => {
    const rig = await createActiveRig();
    let settled = false;
    const ended = assert.rejects(
      rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }).finally(() => {
        settled = true;
      }),
      { name: "TimeoutError", code: "timeout", timeoutMs: 500 },
    );
    await rig.clock.advance(499);
    assert.equal(isOnAir(rig.controller.take()), true);
    rig.controller.script(ENABLE, SILENCE);
    await rig.clock.advance(1);
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
    assert.equal(settled, false, "the controller has not confirmed yet");
    rig.controller.deliver(commandComplete(ENABLE));
    await rig.settle();
    await ended;
    assert.equal(rig.clock.pending, 0);
  });

  it("signal: off the air, then the signal's reason", async () => {
    const rig = await createActiveRig();
    const aborter = new AbortController();
    const reason = new Error("enough");
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, signal: aborter.signal }), reason);
    await rig.settle();
    rig.controller.sent.length = 0;
    aborter.abort(reason);
    await rig.settle();
    await ended;
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
  });

  it("a signal that is aborted already: the radio never sends", async () => {
    const rig = await createActiveRig();
    const ended = assert.rejects(
      rig.aioble.advertise({ ...OPTIONS, signal: AbortSignal.abort(new Error("no")) }),
      /no/,
    );
    await rig.settle();
    await ended;
    assert.equal(isOnAir(rig.controller.take()), false);
  });

  it("ended while its commands are on their way: advertising is never left on, at any of them", async () => {
    for (const opcode of [ENABLE, PARAMETERS, 0x2008, 0x2009]) {
      const rig = await createActiveRig();
      const aborter = new AbortController();
      const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, signal: aborter.signal }), {
        name: "AbortError",
      });
      rig.controller.script(opcode, SILENCE);
      await rig.settle();
      aborter.abort();
      rig.controller.deliver(commandComplete(opcode));
      await rig.settle();
      await ended;
      assert.equal(isOnAir(rig.controller.take()), false, `0x${opcode.toString(16)}`);
      assert.equal(rig.host.advertiser.advertising, false);
    }
  });

  it("ended while Enable itself is on its way: it is switched off behind", async () => {
    const rig = await createActiveRig();
    const aborter = new AbortController();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, signal: aborter.signal }));
    rig.controller.script(ENABLE, () => [commandComplete(ENABLE)], SILENCE);
    await rig.settle();
    assert.equal(rig.controller.take().at(-1), ENABLE_ON);
    aborter.abort();
    await rig.settle();
    rig.controller.deliver(commandComplete(ENABLE));
    await rig.settle();
    await ended;
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
  });

  it("ended while the radio is being switched on: it never advertises", async () => {
    const rig = createRig();
    rig.controller.script(0x0c03, SILENCE);
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 100 }), {
      name: "TimeoutError",
    });
    await rig.clock.advance(100);
    await ended;
    await rig.clock.advance(60_000);
    assert.equal(rig.host.active, true);
    assert.equal(isOnAir(rig.controller.take()), false);
  });

  it("ended while a lost controller is started again: nobody is left on the air", async () => {
    const rig = await createActiveRig();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 1000 }), {
      name: "TimeoutError",
    });
    await rig.settle();
    rig.controller.sent.length = 0;
    rig.controller.script(0x0c03, SILENCE);
    rig.controller.fail("unplugged");
    await rig.clock.advance(1000);
    await ended;
    await rig.clock.advance(60_000);
    assert.equal(rig.host.active, true);
    assert.equal(isOnAir(rig.controller.take()), false);
    assert.equal(rig.host.advertiser.advertising, false);
  });

  it("a refusal of the controller is reported, and the next call works", async () => {
    const rig = await createActiveRig();
    rig.controller.script(PARAMETERS, () => [commandComplete(PARAMETERS, [0x12])]);
    const failed = assert.rejects(rig.aioble.advertise(OPTIONS), {
      code: "controller-refused",
      status: 0x12,
    });
    await rig.settle();
    await failed;
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect();
    await advertising;
  });

  it("a controller that refuses to stop what does not run is no failure", async () => {
    const rig = await createActiveRig();
    const strict: Answer = ([enable]) => [commandComplete(ENABLE, [enable === 0 ? 0x0c : 0])];
    rig.controller.script(ENABLE, strict, strict);
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 100 }), {
      name: "TimeoutError",
    });
    await rig.clock.advance(100);
    await ended;
    assert.equal(isOnAir(rig.controller.take()), false);
  });
});

describe("advertise(): races with a connection", () => {
  it("a connection that comes while the end is on its way to the controller is returned", async () => {
    for (const end of ["timeout", "signal"] as const) {
      const rig = await createActiveRig();
      const aborter = new AbortController();
      const advertising = rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500, signal: aborter.signal });
      await rig.settle();
      rig.controller.script(ENABLE, SILENCE);
      if (end === "timeout") await rig.clock.advance(500);
      else aborter.abort();
      await rig.settle();
      rig.controller.deliver(connectionComplete(HANDLE), commandComplete(ENABLE, [0x0c]));
      await rig.settle();
      const connection = await advertising;
      assert.equal(connection.isConnected(), true);
      rig.controller.sent.length = 0;
      assert.deepEqual(rig.controller.take(), []);
    }
  });

  it("also when the loop runs no promise job between the two events", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 });
    await rig.settle();
    rig.controller.script(ENABLE, SILENCE);
    await rig.clock.advance(500);
    rig.controller.deliverTogether(commandComplete(ENABLE), connectionComplete(HANDLE));
    await rig.settle();
    assert.equal((await advertising).isConnected(), true);
  });

  it("a connection that came and went in that time is not returned", async () => {
    const rig = await createActiveRig();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }), {
      name: "TimeoutError",
    });
    await rig.settle();
    rig.controller.script(ENABLE, SILENCE);
    await rig.clock.advance(500);
    rig.controller.deliver(
      connectionComplete(HANDLE),
      disconnectionComplete(HANDLE),
      commandComplete(ENABLE),
    );
    await rig.settle();
    await ended;
    const next = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect(HANDLE + 1);
    assert.equal((await next).link.handle, HANDLE + 1, "nor by the next call");
  });

  it("a connection and the timeout in the same moment: one of them, and no owner is lost", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 });
    await rig.clock.advance(499);
    rig.controller.deliver(connectionComplete(HANDLE));
    await rig.clock.advance(1);
    assert.equal((await advertising).isConnected(), true);
    assert.equal(rig.clock.pending, 0);
  });

  it("a connection that nobody waits for is ended", async () => {
    const rig = await createActiveRig();
    await rig.connect();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
    await rig.disconnect(HANDLE, 0x16);
    assert.equal(rig.host.connections.size, 0);
  });

  it("a connection after the timeout was reported is ended", async () => {
    const rig = await createActiveRig();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }));
    await rig.clock.advance(500);
    await ended;
    rig.controller.sent.length = 0;
    await rig.connect();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
  });

  it("two connections at once: the first is returned, the second has no owner and is ended", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    rig.controller.sent.length = 0;
    rig.controller.deliverTogether(connectionComplete(1), connectionComplete(2));
    await rig.settle();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 02 00 13"]);
    rig.controller.deliver(aclFrame(1, 0x0004, [0x0a, 3, 0]));
    await rig.settle();
    assert.equal((await advertising).link.handle, 1);
  });
});
