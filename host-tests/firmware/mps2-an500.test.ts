/** The firmware on a Cortex-M7: what the host board's tests cannot show. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import type { QemuOptions } from "../../boards/mps2-an500/qemu.ts";
import { compilerProgram } from "../../tools/build/compiler.ts";
import { signForDevelopment } from "../../tools/update/development.ts";
import { Bench, Controller } from "./image.ts";
import { buildImage, type Ended, QemuCamera, runQemu } from "./qemu-camera.ts";
import { SlowConsole } from "./slow-console.ts";

/** A firmware whose main has `log` and ends with `body`. */
const firmware = (body: string): string =>
  `export default function main(native) {
     const log = (text) => native.consoleWrite("info", String(text));
     ${body}
   }`;

const infos = ({ lines }: Pick<Ended, "lines">): string[] =>
  lines.filter((line) => line.startsWith("info: ")).map((line) => line.slice(6));

describe("firmware on mps2-an500", function () {
  this.timeout(600_000);
  let bench: Bench;
  let images = 0;

  before(async () => {
    bench = await Bench.open();
  });

  after(() => bench.dispose());

  const build = (body: string): Promise<string> => buildImage(bench, `firmware-${images++}`, firmware(body));

  /** Runs a firmware that ends by native.exit(0) and returns what it logged. */
  async function log(body: string, options: Omit<QemuOptions, "elf"> = {}): Promise<string[]> {
    const result = await runQemu({ elf: await build(body), ...options });
    assert.equal(result.status, 0, result.lines.join("\n"));
    return infos(result);
  }

  it("boots, and runs timers in the order of their time", async () => {
    const lines = await log(`
      const start = native.clockNow();
      const at = (delay) => native.timerSet(() => log(delay + " " + (native.clockNow() - start >= delay)), delay);
      at(30); at(10); at(20.5);
      native.timerClear(at(15));
      native.timerSet(() => native.exit(0), 50);
      log(native.resetCause());`);
    assert.deepEqual(lines, ["power-on", "10 true", "20.5 true", "30 true"]);
  });

  it("ends with the status that it is given", async () => {
    assert.equal((await runQemu({ elf: await build("native.exit(7);") })).status, 7);
  });

  it("calculates with floating point, aligned or not", async () => {
    const lines = await log(`
      const view = new DataView(new ArrayBuffer(24));
      for (const at of [0, 1, 2, 3, 5]) {
        view.setFloat64(at, Math.PI * at, true);
        view.setFloat32(at + 8, 0.5 + at);
        log(view.getFloat64(at, true) === Math.PI * at && view.getFloat32(at + 8) === 0.5 + at);
      }
      log((0.1 + 0.2).toFixed(3) + " " + Math.sqrt(2) + " " + 1e21);
      native.exit(0);`);
    assert.deepEqual(lines, [...Array(5).fill("true"), "0.300 1.4142135623730951 1e+21"]);
  });

  it("exchanges packets over the HCI UART", async () => {
    const image = await build(`
      const header = new Uint8Array(1);
      native.hciOpen((packet) => {
        if (packet.getUint8(1) === 0x0e) return;
        if (packet.getUint8(1) === 0xfe) native.exit(0);
        header[0] = 0x01;
        if (!native.hciWrite(header, 1, new Uint8Array(packet.buffer), 1, packet.byteLength)) log("full");
      }, () => {}, (reason) => log(reason));
      native.hciWrite(header, 1);`);
    const packets: Buffer[] = [];
    for (let i = 0; i < 40; i++) {
      const data = Buffer.from(Array.from({ length: 200 + i }, (_, at) => (at + i) & 0xff));
      packets.push(Buffer.concat([Buffer.from([0x04, 0xff, data.length]), data]));
    }
    const expected = Buffer.concat(
      packets.map((packet) => Buffer.concat([Buffer.from([0x01]), packet.subarray(1)])),
    );
    let received = Buffer.alloc(0);
    const answer = (socket: Socket): void => {
      socket.once("data", () => {
        // What comes before the answer to HCI Reset is dropped.
        socket.write(Buffer.from("040e0401030c00", "hex"));
        socket.write(Buffer.concat(packets));
        socket.on("data", (data) => {
          received = Buffer.concat([received, data]);
          if (received.length >= expected.length) socket.write(Buffer.from("04fe00", "hex"));
        });
      });
    };
    const controller = await Controller.listen(bench.path("packets"), answer);
    const result = await runQemu({ elf: image, hci: { kind: "unix", path: bench.path("packets") } });
    controller.close();
    assert.deepEqual(infos(result), []);
    assert.equal(result.status, 0);
    assert.ok(received.equals(expected), `${received.length} bytes of ${expected.length}`);
  });

  it("keeps what was synchronised when the power goes", async () => {
    const image = await build(`
      const before = native.flashRead("state", 0, 8).join();
      log(before);
      if (before !== "255,255,255,255,255,255,255,255") native.exit(0);
      native.flashProgram("state", 0, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
      native.flashSync("state");
      log("synchronised");`);
    const stateFile = bench.path("state");
    const first = new QemuCamera("mps2-an500", { elf: image, stateFile });
    await first.line(/synchronised/);
    await first.kill();
    const second = await runQemu({ elf: image, stateFile });
    assert.deepEqual(infos(second), ["1,2,3,4,5,6,7,8"]);
  });

  it("has no entropy without a seed, and says so", async () => {
    const body = `
      try { log(native.random(4).length); } catch (error) { log(error); }
      log(native.uniqueId().join());
      native.exit(0);`;
    const [without] = await log(body);
    assert.match(without ?? "", /^Error: /);
    assert.deepEqual(await log(body, { seed: "12".repeat(32), id: "0102030405060708" }), [
      "4",
      "1,2,3,4,5,6,7,8",
    ]);
  });

  it("loads the application from its area", async () => {
    const image = await build(`
      native.applicationStart({ camera: { log } }, {}, (reason) => log("failed: " + reason));
      native.timerSet(() => native.exit(0), 20);`);
    const base = image.concat(".xsb");
    const source = `import { log } from "camera"; log("application runs");`;
    const app = bench.compile("application", "app", source, base, "mps2-an500");
    assert.deepEqual(infos(await runQemu({ elf: image, app })), ["application runs"]);
  });

  it("says that an application does not fit, with the figures, and starts again after pauses that grow", async () => {
    const image = await build(`
      if (native.flashRead("state", 8, 1)[0] === 0) native.exit(0);
      native.flashProgram("state", native.flashRead("state", 0, 1)[0] === 0 ? 8 : 0, new Uint8Array(8));
      native.applicationStart({ camera: { log } }, {}, (reason) => log("failed: " + reason));`);
    const source = `import { log } from "camera"; const all = []; for (;;) all.push({ n: all.length });`;
    const app = bench.compile("application", "large", source, image.concat(".xsb"), "mps2-an500");
    const sentence =
      /^fatal: the application does not fit on this board: JavaScript heap full: \d+ of \d+ slots, \d+ of \d+ chunk bytes in use, and it cannot grow beyond \d+ bytes$/;
    // All of the region takes long to fill: once is enough.
    const camera = new QemuCamera("mps2-an500", { elf: image, app, stateFile: bench.path("large") });
    assert.match(await camera.line(/^fatal: /), sentence);
    await camera.kill();
    const floor = { arguments: ["growth=0"], stateFile: bench.path("large-floor") };
    const { lines, status } = await runQemu({ elf: image, app, ...floor });
    assert.equal(status, 0, lines.join("\n"));
    assert.deepEqual(
      // Behind the sentence is where the program was.
      lines
        .filter((line) => !/^ +at |^warning: this image trusts the development key/.test(line))
        .map((line) => (sentence.test(line) ? "full" : line)),
      [
        "full",
        "warning: restarted after a fault, failure 1 in a row: pausing 250 ms",
        "full",
        "warning: restarted after a fault, failure 2 in a row: pausing 500 ms",
      ],
    );
  });

  it("starts no application that asks for more heap than the board has, and says how much that is", async () => {
    const image = await build(`
      try { native.applicationStart({ camera: { log } }, {}, () => {}); } catch (error) { log(error); }
      native.exit(0);`);
    const script = bench.path("asking.js");
    const bytecode = bench.path("asking.xsb");
    writeFileSync(script, `import { log } from "camera"; log("runs");`);
    const compile = (kb: number) =>
      execFileSync(compilerProgram, [
        ...["--kind", "application", "--name", "application", "--base", image.concat(".xsb")],
        ...["--heap-kb", String(kb), "--output", bytecode, script],
      ]);
    compile(65_000);
    const app = signForDevelopment(bytecode, "mps2-an500");
    assert.match(
      infos(await runQemu({ elf: image, app }))[0]!,
      /^Error: the application asks for 65000 KB of heap \(obscura\.heap in its package\.json\), and this board has \d+ KB$/,
    );
  });

  describe("failures", () => {
    it("a reset is remembered as one", async () => {
      const lines = await log(`
        log(native.resetCause());
        if (native.resetCause() === "software") native.exit(0);
        native.reset();`);
      assert.deepEqual(lines, ["power-on", "software"]);
    });

    /** Runs a body that fails until a third start, and returns the whole console. */
    async function failing(body: string, icount?: QemuOptions["icount"]): Promise<readonly string[]> {
      const image = await build(
        `log(native.resetCause());
         if (native.flashRead("state", 8, 1)[0] === 0) native.exit(0);
         const mark = native.flashRead("state", 0, 1)[0] === 0 ? 8 : 0;
         native.flashProgram("state", mark, new Uint8Array(8));
         ${body}`,
      );
      const { lines, status } = await runQemu({
        elf: image,
        stateFile: bench.path(`failing-${images}`),
        icount,
      });
      assert.equal(status, 0, lines.join("\n"));
      return lines;
    }

    const pauses = (what: string): string[] => [
      `warning: restarted after a ${what}, failure 1 in a row: pausing 250 ms`,
      `warning: restarted after a ${what}, failure 2 in a row: pausing 500 ms`,
    ];

    function assertFailed(lines: readonly string[], sentence: RegExp, cause: string, what: string): void {
      const shown = lines.join("\n");
      assert.deepEqual(infos({ lines }), ["power-on", cause, cause], shown);
      assert.equal(lines.filter((line) => sentence.test(line)).length, 2, shown);
      assert.deepEqual(
        lines.filter((line) => line.startsWith("warning: restarted")),
        pauses(what),
        shown,
      );
    }

    it("a main that throws", async () => {
      assertFailed(
        await failing(`throw new Error("no camera");`),
        /^fatal: main failed: Error: no camera/,
        "fault",
        "fault",
      );
    });

    it("a heap that is full", async () => {
      const lines = await failing("const all = []; for (;;) all.push({});");
      assertFailed(lines, /^fatal: JavaScript heap full: \d+ of \d+ slots/, "fault", "fault");
    });

    it("chunks that are full", async () => {
      const lines = await failing("const all = []; for (;;) all.push(new Uint8Array(1000));");
      assertFailed(lines, /^fatal: JavaScript heap full: /, "fault", "fault");
    });

    it("a JavaScript stack that is full", async () => {
      const lines = await failing("const down = () => 1 + down(); down();");
      assertFailed(lines, /^fatal: stack overflow: \d+ of \d+ slots/, "fault", "fault");
    });

    it("a loop without end, ended by the watchdog", async () => {
      // An instruction takes a microsecond of guest time, so that the watchdog's minute is soon over.
      const lines = await failing("for (;;);", { shift: 10 });
      assertFailed(
        lines,
        /^watchdog: not fed for 60000 ms, pc=[0-9a-f]{8} lr=/,
        "watchdog",
        "watchdog reset",
      );
    });
  });

  describe("a console that takes a line but for its last character", () => {
    let image: string;
    let line: string;
    let slow: SlowConsole;
    let options: QemuOptions;

    before(async () => {
      image = await build(`
        log(native.resetCause());
        if (native.resetCause() === "software") native.exit(0);
        native.reset();`);
      const quick = new SlowConsole(bench.path("console-quick"));
      const target = { kind: "file", path: quick.path } as const;
      await runQemu({ elf: image, console: target, exitOnReset: true });
      line = quick.read();
      quick.close();
      assert.match(line, /info: power-on\n$/);
    });

    beforeEach(() => {
      slow = new SlowConsole(bench.path(`console-slow-${images++}`));
      slow.leaveRoom(line.length - 1);
      options = { elf: image, console: { kind: "file", path: slow.path } };
    });
    afterEach(() => slow.close());

    it("has it before a reset", async () => {
      const isAsked = (args: string[]) => [...args, "-trace", "cmsdk_apb_uart_read"];
      // Guest time stands still while nobody reads the trace, so that the camera does not give up before the test reads.
      const counted = { ...options, icount: { shift: 0 } };
      const camera = new QemuCamera("mps2-an500", counted, undefined, isAsked);
      // The UART says that it holds a character.
      await camera.line(/UART read: offset 0x4 data 0x1 /);
      const text = slow.read();
      const { status } = await camera.ended();
      assert.equal(status, 0);
      assert.match(`${text}${slow.read()}`, new RegExp(`^${line}(.*\\n)*info: software\\n$`));
    });

    it("does not hold up a reset for ever: the camera restarts before its watchdog would have it to", async () => {
      const sayingBites = (args: string[]) => [...args, "-action", "watchdog=debug"];
      // An instruction takes a microsecond of guest time, so that the watchdog's minutes are soon over.
      const counted = { ...options, icount: { shift: 10 }, exitOnReset: true };
      const camera = new QemuCamera("mps2-an500", counted, undefined, sayingBites);
      const bitten = camera.line(/watchdog: timer fired/);
      const { lines, status } = await bitten.then(
        () => camera.kill(),
        () => camera.ended(),
      );
      assert.equal(status, 0, lines.join("\n"));
      assert.equal(slow.read(), line.slice(0, -1));
    });
  });

  it("does not take a long sleep for a hang", async () => {
    const icount = { shift: 6, skipSleep: true };
    const lines = await log(`native.timerSet(() => { log("awake"); native.exit(0); }, 200_000);`, { icount });
    assert.deepEqual(lines, ["awake"]);
  });
});
