/** The bring-up of a CYW43 chip against the simulator's model, step by step and fault by fault, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { getConfig, setConfig } from "../../../firmware/ble/config.ts";
import { EarlyStart } from "../../../firmware/ble/early-start.ts";
import { HciError } from "../../../firmware/ble/errors.ts";
import { Host } from "../../../firmware/ble/host.ts";
import { Cyw43 } from "../../../firmware/controllers/cyw43.ts";
import { CYW43_TIMES } from "../../../simulator/chips/cyw43.ts";
import type { ChipLineOptions } from "../../../simulator/chips/line.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { type ChipCamera, createWorld, type World } from "../../../simulator/world.ts";
import { MemoryRecords } from "../../support/cameras.ts";

interface Camera extends ChipCamera {
  readonly world: World;
  readonly host: Host;
}

const PATCH = syntheticPatch();

function createCamera(line: ChipLineOptions = {}): Camera {
  const world = createWorld();
  const camera = world.addChipCamera({ line: { patch: PATCH, ...line } });
  const { platform } = camera;
  const { clock, transport, log } = platform;
  const driver = new Cyw43({ transport, lines: camera.line, clock, log });
  const host = new Host(platform, new MemoryRecords(), new Map(), driver);
  return { ...camera, world, host };
}

/** Starts a camera that cannot start, and returns why. */
async function failure(camera: Camera): Promise<HciError> {
  const { world, host } = camera;
  let error: unknown;
  await world.run(async () => {
    error = await host.activate().then(
      () => undefined,
      (reason: unknown) => reason,
    );
  });
  assert.ok(error instanceof HciError, `it started, or failed with ${error}`);
  return error;
}

async function advertise(host: Host): Promise<() => void> {
  const set = host.advertiser.acquire({ onEnded() {}, take: () => true })!;
  const nothing = new Uint8Array(0);
  const advData = new Uint8Array([2, 1, 6]);
  await set.start({ intervalUs: 100_000, connectable: true, advData, respData: nothing });
  return () => set.release();
}

describe("CYW43: bring-up", () => {
  it("takes the chip from cold to advertising, its patch included, and breaks no rule", async () => {
    const { world, host, chip, controller, platform } = createCamera();
    await world.run(async () => {
      await host.activate();
      await advertise(host);
    });
    assert.deepEqual(chip.launched, PATCH);
    assert.equal(chip.starts, 1);
    assert.deepEqual(chip.violations, []);
    assert.deepEqual(controller.violations, []);
    assert.equal(chip.noise + chip.lost, 0);
    const ready = platform.console.filter(({ message }) => message.startsWith("cyw43: ready"));
    assert.equal(ready.length, 1);
    assert.match(ready[0]!.message, /ready after \d+ ms, with a patch of 139 records, 35182 bytes/);
  });

  it("sends Reset, rate, minidriver, records, launch, and after the restart Reset and rate again", async () => {
    const { world, host, chip } = createCamera({ downloadBaud: 2_500_000, runBaud: 3_000_000 });
    await world.run(() => host.activate());
    const start = [0x0c03, 0xfc18, 0x0c03, 0xfc2e, 0xfc4c, 0xfc4e, 0x0c03, 0xfc18, 0x0c03];
    assert.deepEqual(chip.commands.slice(0, start.length), start);
    assert.ok(chip.commands.includes(0xfc27), "the sleep mode is set behind the last Reset");
    assert.ok(chip.commands.lastIndexOf(0xfc27) > chip.commands.lastIndexOf(0x0c03));
    assert.ok(!chip.commands.includes(0xfc01), "the address on the air is a random one of the host's");
  });

  it("changes no rate that need not change", async () => {
    const { world, host, chip } = createCamera({ downloadBaud: 115_200, runBaud: 115_200 });
    await world.run(() => host.activate());
    assert.ok(!chip.commands.includes(0xfc18));
    assert.deepEqual(chip.violations, []);
  });

  it("takes no longer than the chip's waits and the bytes on the wire, and a tenth", async () => {
    const { world, host } = createCamera();
    await world.run(() => host.activate());
    const { powerUpMs, restartMs, recordMs } = CYW43_TIMES;
    const wireMs = (PATCH.length * 10 * 1000) / 3_000_000;
    const leastMs = 100 + powerUpMs + 139 * recordMs + wireMs + restartMs;
    assert.ok(world.clock.now() < leastMs * 1.1, `${world.clock.now()} ms, at least ${leastMs}`);
  });

  it("stop takes the supply; the next start brings the chip back from cold, patch included", async () => {
    const { world, host, chip } = createCamera();
    await world.run(async () => {
      await host.activate();
      await host.deactivate();
      assert.ok(!chip.isReady());
      chip.launched = new Uint8Array(0);
      await host.activate();
      await advertise(host);
    });
    assert.equal(chip.starts, 2);
    assert.deepEqual(chip.launched, PATCH);
    assert.deepEqual(chip.violations, []);
  });

  it("a hardware error later is answered by a whole bring-up, and advertising goes on", async () => {
    const { world, host, chip, controller } = createCamera();
    const { phone } = world.addPhone();
    await world.run(async () => {
      await host.activate();
      await advertise(host);
      controller.reportHardwareError(0x42);
      await world.clock.sleep(1500);
      await phone.find({ address: host.ownAddress });
    });
    assert.equal(chip.starts, 2);
    assert.deepEqual(chip.violations, []);
  });

  it("has no open line while it waits for CTS, so that a board may stop its clocks", async () => {
    const { world, host, chip, line } = createCamera();
    const waits: number[] = [];
    const close = line.close.bind(line);
    const open = line.open.bind(line);
    let closedMs: number | undefined = 0;
    line.close = () => {
      closedMs ??= world.clock.now();
      close();
    };
    line.open = (receiver) => {
      if (closedMs !== undefined) waits.push(world.clock.now() - closedMs);
      closedMs = undefined;
      open(receiver);
    };
    await world.run(() => host.activate());
    const { powerUpMs, restartMs } = CYW43_TIMES;
    assert.equal(waits.length, 2);
    assert.ok(waits[0]! >= powerUpMs && waits[1]! >= restartMs - 1, `${waits}`);
    assert.deepEqual(chip.violations, []);
  });

  it("stopped in the middle of a start, at any time of it, it leaves the supply off, and starts again", async () => {
    for (let atMs = 0; atMs < 620; atMs += 7) {
      const { world, host, chip } = createCamera();
      await world.run(async () => {
        const started = host.activate().then(
          () => "on",
          ({ code }: HciError) => code,
        );
        await world.clock.sleep(atMs);
        await host.deactivate();
        // A camera that gives up sleeps at once, and waits for no answer of a chip that has none.
        assert.ok(world.clock.now() < atMs + 1, `at ${atMs} ms: off at ${world.clock.now()}`);
        await world.clock.sleep(1000);
        assert.ok(!chip.isReady(), `at ${atMs} ms`);
        assert.match(await started, /^(on|radio-off)$/);
        await host.activate();
      });
      assert.ok(chip.isReady(), `at ${atMs} ms`);
      assert.deepEqual(chip.violations, [], `at ${atMs} ms`);
    }
  });
});

describe("CYW43: what may go wrong", () => {
  it("without a patch: says so at once, and leaves the supply off", async () => {
    const camera = createCamera({ patch: undefined as never });
    const error = await failure(camera);
    assert.equal(error.code, "patch-missing");
    assert.equal(camera.chip.starts, 0);
  });

  it("a damaged patch never reaches the chip", async () => {
    const camera = createCamera({ patch: PATCH.slice(0, 20_000) });
    const error = await failure(camera);
    assert.equal(error.code, "patch-damaged");
    assert.match(error.message, /cut short/);
    assert.equal(camera.chip.starts, 0);
  });

  it("a chip without supply, or CTS that hangs: three tries, then an error that names the lines", async () => {
    const camera = createCamera();
    camera.chip.faults.noCts = true;
    const error = await failure(camera);
    assert.equal(error.code, "controller-not-ready");
    assert.match(error.message, /REG_ON.*CTS/);
    assert.equal(camera.chip.starts, 3);
    assert.ok(!camera.chip.isReady());
  });

  it("a chip that never answers", async () => {
    const camera = createCamera();
    camera.chip.faults.silent = true;
    const error = await failure(camera);
    assert.equal(error.code, "controller-timeout");
    assert.equal(camera.chip.starts, 3);
  });

  it("a chip that keeps its rate", async () => {
    const camera = createCamera();
    camera.chip.faults.keepsRate = true;
    const error = await failure(camera);
    assert.equal(error.code, "controller-baud-rate");
    assert.match(error.message, /3000000 baud/);
  });

  it("a UART that cannot make the rate", async () => {
    const camera = createCamera({ achieved: (rate) => (rate > 1_000_000 ? Math.round(rate * 1.03) : rate) });
    const error = await failure(camera);
    assert.equal(error.code, "controller-baud-rate");
    assert.match(error.message, /3090000 baud of 3000000/);
  });

  it("a record that is refused is named, with its place and address", async () => {
    const camera = createCamera();
    camera.chip.faults.refuseRecord = 77;
    const error = await failure(camera);
    assert.equal(error.code, "patch-refused");
    assert.equal(error.status, 0x12);
    assert.match(error.message, /record 77 .* at byte \d+, address 0x[0-9a-f]{8}/);
    assert.equal(camera.chip.starts, 3);
  });

  it("a chip that does not come back from the launch", async () => {
    const camera = createCamera();
    camera.chip.faults.hangsAfterLaunch = true;
    const error = await failure(camera);
    assert.equal(error.code, "patch-failed");
    assert.equal(camera.chip.starts, 3);
    assert.ok(!camera.chip.isReady());
  });

  it("events between the answers of a bring-up are skipped", async () => {
    const { world, host, chip } = createCamera();
    chip.faults.chatters = true;
    await world.run(() => host.activate());
    assert.equal(chip.starts, 1);
    assert.deepEqual(chip.launched, PATCH);
    assert.deepEqual(chip.violations, []);
  });

  it("bytes lost on the line later: a whole bring-up, and advertising goes on", async () => {
    const { world, host, chip, line } = createCamera();
    const { phone } = world.addPhone();
    await world.run(async () => {
      await host.activate();
      await advertise(host);
      line.fail("overrun");
      await world.clock.sleep(1500);
      await phone.find({ address: host.ownAddress });
    });
    assert.equal(chip.starts, 2);
    assert.deepEqual(chip.violations, []);
  });

  it("between two tries the chip is without supply, and behind the last one too", async () => {
    const camera = createCamera();
    const { world, chip } = camera;
    chip.faults.refuseRecord = 3;
    const supplies: { readonly on: boolean; readonly atMs: number }[] = [];
    const power = chip.power.bind(chip);
    chip.power = (on) => {
      if (supplies.at(-1)?.on !== on) supplies.push({ on, atMs: world.clock.now() });
      power(on);
    };
    assert.equal((await failure(camera)).code, "patch-refused");
    assert.deepEqual(
      supplies.map(({ on }) => on),
      [false, true, false, true, false, true, false],
    );
    // The pauses of the radio are those of the supply.
    const pauses = [3, 5].map((at) => Math.round(supplies[at]!.atMs - supplies[at - 1]!.atMs));
    assert.deepEqual(pauses, [250, 2000]);
    assert.deepEqual(chip.violations, []);
  });

  it("a stray byte costs one try", async () => {
    const { world, host, chip } = createCamera();
    chip.faults.strayByte = true;
    await world.run(() => host.activate());
    assert.ok(chip.starts <= 2);
    assert.deepEqual(chip.launched, PATCH);
  });

  it("what went wrong once is gone with the next try", async () => {
    for (const fault of ["silent", "noCts", "hangsAfterLaunch", "keepsRate"] as const) {
      const { world, host, chip } = createCamera();
      chip.faults[fault] = true;
      await world.run(async () => {
        const started = host.activate();
        while (chip.starts < 2) await world.clock.sleep(10);
        chip.faults[fault] = false;
        await started;
      });
      assert.equal(chip.starts, 2, fault);
      assert.deepEqual(chip.launched, PATCH, fault);
    }
  });
});

describe("CYW43: the public address", () => {
  const ASSIGNED = Uint8Array.of(0x00, 0x1b, 0xdc, 0x77, 0x88, 0x99);

  it("that was assigned is written behind each start, and is on the air with addrMode 0", async () => {
    const camera = createCamera();
    const { world, host, chip, line } = camera;
    line.publicAddress = ASSIGNED;
    const { phone } = world.addPhone();
    setConfig(host, { addrMode: 0 });
    await world.run(async () => {
      for (let start = 0; start < 2; start++) {
        await host.activate();
        const release = await advertise(host);
        assert.ok(chip.commands.lastIndexOf(0xfc01) > chip.commands.lastIndexOf(0x0c03));
        assert.ok(chip.commands.lastIndexOf(0xfc01) < chip.commands.lastIndexOf(0x200a));
        const { addressType } = await phone.find({ address: ASSIGNED });
        assert.equal(addressType, 0);
        assert.deepEqual(getConfig(host, "mac"), [0, ASSIGNED]);
        await host.deactivate();
        release();
      }
    });
    assert.deepEqual(chip.violations, []);
  });

  it("is refused where none was assigned, before and after the radio was on, and the setting stays", async () => {
    const { world, host, chip } = createCamera();
    const refused = (): void =>
      assert.throws(() => setConfig(host, { addrMode: 0, mtu: 185 }), { code: "public-address-missing" });
    refused();
    await world.run(async () => {
      await host.activate();
      refused();
      await advertise(host);
    });
    assert.deepEqual([host.settings.addrMode, host.settings.mtu], [1, 517]);
    assert.equal(getConfig(host, "mac")[0], 1);
    assert.deepEqual(chip.violations, []);
    assert.ok(!chip.commands.includes(0xfc01));
  });

  it("of the chip itself on the air is what its model does not bear", async () => {
    const { world, host, chip } = createCamera();
    host.configure({ addrMode: 0 });
    await world.run(async () => {
      await host.activate();
      await advertise(host);
    });
    assert.deepEqual(chip.violations, ["its default address on the air"]);
  });
});

describe("CYW43: sleep", () => {
  it("lets the chip sleep when there is nothing for it, and wakes it before bytes", async () => {
    const { world, host, chip } = createCamera();
    await world.run(async () => {
      await host.activate();
      await world.clock.sleep(5000);
      assert.ok(chip.isAsleep());
      for (let pauseMs = 0; pauseMs < 2000; pauseMs += 97) {
        const set = host.advertiser.acquire({ onEnded() {}, take: () => true })!;
        const nothing = new Uint8Array(0);
        await set.start({ intervalUs: 100_000, connectable: true, advData: nothing, respData: nothing });
        await set.stop();
        set.release();
        await world.clock.sleep(pauseMs);
      }
    });
    assert.deepEqual(chip.violations, []);
    assert.equal(chip.lost, 0);
  });
});

describe("CYW43: an early start", () => {
  const prepare = (host: Host, offForMs: number): void =>
    host.prepareRadio((port) => new EarlyStart(port, offForMs));

  /** What the camera said about it. */
  const told = ({ platform }: Camera): string[] =>
    platform.console.map(({ message }) => message).filter((message) => message.startsWith("host:"));

  it("overlaps what the camera does before it asks for the radio, and waits for no supply that is long gone", async () => {
    const late = createCamera();
    await late.world.run(() => late.host.activate());
    const sequenceMs = late.world.clock.now();
    const camera = createCamera();
    const { world, host, chip } = camera;
    host.configure({ logLevel: 3 });
    await world.run(async () => {
      prepare(host, 100);
      await world.clock.sleep(300);
      await host.activate();
      await advertise(host);
    });
    // 100 ms of discharge are over, and 300 ms are spent at the same time.
    assert.ok(world.clock.now() < sequenceMs - 90, `${world.clock.now()} of ${sequenceMs} ms`);
    assert.equal(chip.starts, 1);
    assert.deepEqual(chip.launched, PATCH);
    assert.deepEqual(chip.violations, []);
    assert.deepEqual(told(camera), [
      "host: the controller's start began 300 ms before the radio was asked for",
    ]);
  });

  it("is over after 10 s without anybody who asks, and the radio starts from cold when somebody does", async () => {
    const camera = createCamera();
    const { world, host, chip } = camera;
    host.configure({ logLevel: 3 });
    await world.run(async () => {
      prepare(host, 0);
      await world.clock.sleep(9999);
      assert.ok(chip.isReady());
      await world.clock.sleep(2);
      assert.ok(!chip.isReady());
      await host.activate();
      await advertise(host);
    });
    assert.equal(chip.starts, 2);
    assert.deepEqual(chip.violations, []);
    assert.match(told(camera)[0]!, /nobody asked for the radio within 10000 ms/);
  });

  it("stop takes its supply at any moment, and the next start works", async () => {
    for (let atMs = 0; atMs < 700; atMs += 23) {
      const { world, host, chip } = createCamera();
      await world.run(async () => {
        prepare(host, 100);
        await world.clock.sleep(atMs);
        await host.deactivate();
        assert.ok(!chip.isReady());
        await host.activate();
      });
      assert.deepEqual(chip.violations, [], `cancelled after ${atMs} ms`);
      assert.deepEqual(chip.launched, PATCH);
    }
  });

  it("that fails is reported to who asks for the radio, and tried again", async () => {
    const camera = createCamera();
    const { world, host, chip } = camera;
    host.configure({ logLevel: 3 });
    chip.faults.refuseRecord = 3;
    await world.run(async () => {
      prepare(host, 100);
      await world.clock.sleep(2000);
      chip.faults.refuseRecord = undefined;
      await host.activate();
    });
    assert.equal(chip.starts, 2);
    assert.match(told(camera)[1]!, /start of the controller failed \(attempt 1\): .*record 3 of its patch/);
  });

  it("changes nothing once the radio has been on", async () => {
    const { world, host, chip } = createCamera();
    await world.run(async () => {
      await host.activate();
      prepare(host, 0);
      await host.deactivate();
      prepare(host, 0);
      await world.clock.sleep(1000);
    });
    assert.equal(chip.starts, 1);
  });
});
