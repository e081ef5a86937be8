/** Applications, failures and the command line on the host board, by small firmwares that run to their end. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { before, describe, it } from "mocha";
import { forge, signedAs } from "./container.ts";
import { describeOnHost, firmware, infos } from "./host-firmware.ts";
import { type Run, run } from "./image.ts";

describeOnHost((scene) => {
  const { build, log, sanitize } = scene;

  describe("application", () => {
    const host = (rest = ""): string =>
      firmware(`
        globalThis.secret = "secret";
        const modules = { camera: { log, count: 3 }, aioble: { default: "aioble" } };
        log("start " + attempt(() => native.applicationStart(modules, { shown: "global" }, (reason) => {
          log("failed: " + reason);
          native.exit(0);
        })));
        native.timerSet(() => native.exit(0), 100);
        ${rest}`);
    let image: string;
    let base: string;

    before(async () => {
      image = await scene.bench.image("host", host());
      base = scene.bench.path("host.xsb");
    });

    async function start(source: string): Promise<string[]> {
      const application = scene.bench.compile("application", "app", source, base);
      const result = await run(image, ["--app", application]);
      assert.equal(result.status, 0, result.lines.join("\n"));
      return infos(result);
    }

    it("gets the modules and the globals it is given, and nothing of the firmware", async () => {
      const lines = await start(`
        import { log, count } from "camera";
        import aioble from "aioble";
        import * as everything from "camera";
        log([count, aioble, Object.keys(everything).join(), shown].join(" "));
        log([typeof native, typeof secret, typeof main, typeof Compartment, typeof globalThis.log].join(" "));
        log(Object.getOwnPropertyNames(globalThis).includes("secret"));
        globalThis.secret = "mine";
        await null;
        log("after await");`);
      assert.deepEqual(lines, [
        "3 aioble count,log global",
        "undefined undefined undefined undefined undefined",
        "false",
        "start undefined",
        "after await",
      ]);
    });

    it("cannot reach the firmware's realm through a Compartment or a constructor", async () => {
      const lines = await start(`
        import { log } from "camera";
        const tries = [
          () => log.constructor("return secret")(),
          () => (async () => {}).constructor("return secret")(),
          () => Reflect.construct(log.constructor, ["return secret"])(),
          () => new ModuleSource("import 'firmware'"),
          () => (0, eval)("secret"),
        ];
        for (const attempt of tries) try { log("reached " + attempt()); } catch (error) { log(error.name); }
        for (const name of ["firmware", "application/../firmware", "bluetooth"])
          try { await import(name); log("imported " + name); } catch (error) { log(error.message); }`);
      const sentence = (name: string) =>
        `the application imports "${name}", which is not one of: camera, aioble`;
      assert.deepEqual(lines, [
        ...Array(5).fill("SyntaxError"),
        "start undefined",
        ...["firmware", "application/../firmware", "bluetooth"].map(sentence),
      ]);
    });

    it("is shown which import does not exist", async () => {
      assert.deepEqual(await start(`import { x } from "power"; x();`), [
        "start undefined",
        'failed: ReferenceError: the application imports "power", which is not one of: camera, aioble',
      ]);
      const [, missing] = await start(`import { nothing } from "camera"; nothing();`);
      assert.match(missing ?? "", /^failed: SyntaxError: .*nothing/);
    });

    it("reports what its body throws, at once or later, through onError", async () => {
      assert.deepEqual(await start(`throw new Error("at once");`), [
        "start undefined",
        "failed: Error: at once",
      ]);
      assert.deepEqual(await start(`await null; throw new Error("later");`), [
        "start undefined",
        "failed: Error: later",
      ]);
    });

    it("is refused with one sentence when it does not fit", async () => {
      const signedFile = readFileSync(scene.bench.compile("application", "good", "1;", base));
      const good = readFileSync(scene.bench.path("good.xsb"));
      const file = scene.bench.path("forged.bin");
      const refusal = (container: Buffer): Promise<string> => refusalOf(signedAs(good, container));
      const refusalOf = async (bytes: Buffer): Promise<string> => {
        writeFileSync(file, bytes);
        const result = await run(image, ["--app", file]);
        assert.equal(result.status, 0);
        return infos(result)[0] ?? "";
      };
      const damaged = Buffer.from(good);
      damaged[66]! ^= 1;
      assert.equal(await refusal(damaged), "start Error: the application is damaged (CRC mismatch)");
      assert.equal(await refusal(good.subarray(0, -1)), "start Error: the application is truncated");
      assert.equal(
        await refusal(Buffer.from("not a bundle".repeat(10))),
        "start Error: the application is not an Obscura bundle",
      );
      assert.equal(
        await refusal(forge(good, 8)),
        "start Error: the application was compiled for another version of the XS engine; build it again",
      );
      assert.equal(
        await refusal(forge(good, 16)),
        "start Error: the application was compiled for another native interface; build it again with this firmware",
      );
      assert.equal(await refusal(readFileSync(base)), "start Error: the application is a firmware");
      assert.equal(
        await refusalOf(good),
        "start Error: the application is not a signed bundle; sign it with obscura sign",
      );
      const altered = Buffer.from(signedFile);
      altered[altered.length - 1]! ^= 1;
      assert.equal(
        await refusalOf(altered),
        "start Error: the application has a signature that is not its key's",
      );
      altered[40]! ^= 1;
      assert.equal(
        await refusalOf(altered),
        "start Error: the application is damaged (its SHA-256 is another one)",
      );
      const none = await run(image);
      assert.equal(infos(none)[0], "start Error: there is no application");
    });

    it("is fitted to another firmware of the same native interface", async () => {
      const source = `
        import { log } from "camera";
        class Reading { constructor(first, lonely) { this.first = first; this.lonely = lonely; } }
        const { first, lonely } = new Reading("borrowed name", "own name");
        log([first, lonely, shown, \`\${"template"} \${JSON.stringify({ lonely })}\`].join(" | "));`;
      const old = scene.bench.compile(
        "firmware",
        "old",
        host("const first = { second: 1, first: 2 }; void first.first;"),
      );
      const application = scene.bench.compile("application", "moved", source, old);
      assert.notDeepEqual(readFileSync(old).subarray(32, 40), readFileSync(base).subarray(32, 40));
      const result = await run(image, ["--app", application]);
      assert.deepEqual(infos(result), [
        'borrowed name | own name | global | template {"lonely":"own name"}',
        "start undefined",
      ]);
    });

    it("starts once", async () => {
      const twice = await scene.bench.image(
        "twice",
        firmware(`
          native.applicationStart({}, {}, log);
          log(attempt(() => native.applicationStart({}, {}, log)));
          native.exit(0);`),
      );
      const application = scene.bench.compile("application", "once", "1;", scene.bench.path("twice.xsb"));
      assert.deepEqual(infos(await run(twice, ["--app", application])), [
        "Error: applicationStart: the application has been started",
      ]);
    });
  });

  describe("failure", () => {
    const fatal = ({ lines }: Run): string[] => lines.filter((line) => line.startsWith("fatal: "));
    const pauses = ({ lines }: Run): string[] =>
      lines.filter((line) => line.startsWith("warning: restarted")).map((line) => line.slice(9));

    it("says that the heap is full and where, resets, and pauses longer each time", async () => {
      const image = await build(`
        log(native.resetCause());
        native.timerSet(function hoard() { let list; for (;;) list = { list }; }, 0);`);
      const result = await run(image, ["--max-resets", "3"]);
      assert.equal(result.status, 3);
      assert.deepEqual(infos(result), ["power-on", "fault", "fault", "fault"]);
      assert.match(fatal(result)[0] ?? "", /^fatal: JavaScript heap full: \d+ of \d+ slots, /);
      assert.match(
        result.lines.join("\n"),
        /^fatal: JavaScript heap full: .*\n +at hoard \(firmware \w+\+\d+\)$/m,
      );
      assert.equal(fatal(result).length, 4);
      assert.deepEqual(pauses(result), [
        "restarted after a fault, failure 1 in a row: pausing 250 ms",
        "restarted after a fault, failure 2 in a row: pausing 500 ms",
        "restarted after a fault, failure 3 in a row: pausing 1000 ms",
      ]);
    });

    it("says the same of strings and buffers", async () => {
      const image = await build(`const all = []; for (;;) all.push(new Uint8Array(1000));`);
      const result = await run(image, ["--max-resets", "0"]);
      assert.match(result.lines.join("\n"), /^fatal: JavaScript heap full: .*(?:\n +at .*)*\n +at main \(/m);
    });

    it("says that the stack overflowed", async () => {
      const result = await run(await build(`const down = () => 1 + down(); down();`), ["--max-resets", "0"]);
      const said = result.lines.join("\n");
      assert.match(
        said,
        /^fatal: stack overflow: \d+ of \d+ slots .*\n(?: +at down \(.*\n){6} +… \d+ more$/m,
      );
    });

    it("says why main failed, however it does", async () => {
      const cases: [string, string][] = [
        [`export default function main() { throw new Error("thrown"); }`, "Error: thrown"],
        [`export default async function main() { await null; throw new Error("later"); }`, "Error: later"],
        [`throw new TypeError("in the module");`, "TypeError: in the module"],
        [`import "elsewhere"; export default () => {};`, 'ReferenceError: module "elsewhere" not found'],
        [`export default 5;`, "the firmware's default export is not a function"],
      ];
      for (const [source, sentence] of cases) {
        const image = await scene.bench.image("failing", source);
        const result = await run(image, ["--max-resets", "0"]);
        assert.equal(result.status, 3);
        assert.equal(fatal(result)[0], `fatal: main failed: ${sentence}`);
      }
    });

    it("resets by the watchdog when JavaScript never ends, and pauses", async () => {
      const image = await build(`
        log(native.resetCause());
        if (native.resetCause() === "watchdog") native.exit(0);
        native.timerSet(() => { for (;;) ; }, 0);`);
      const result = await run(image, ["--watchdog-ms", "2000"]);
      assert.equal(result.status, 0, result.lines.join("\n"));
      assert.deepEqual(infos(result), ["power-on", "watchdog"]);
      assert.match(fatal(result)[0] ?? "", /watchdog/);
      assert.equal(pauses(result).length, 1);
    });

    it("is fed while it sleeps", async () => {
      const lines = await log(`native.timerSet(() => native.exit(0), 2500);`, "--watchdog-ms", "1000");
      assert.deepEqual(lines, []);
    });

    // Under the address sanitizer a fault ends the process with the sanitizer's report.
    if (!sanitize) {
      it("says where a fault of the machine happened and resets", async () => {
        const image = await build(`
          log(native.resetCause());
          if (native.resetCause() === "fault") native.exit(0);`);
        const result = await run(image, [], (child) => child.kill("SIGSEGV"));
        assert.deepEqual(infos(result), ["power-on", "fault"]);
        assert.match(fatal(result)[0] ?? "", /^fatal: invalid memory access at \S+, pc 0x[0-9a-f]+$/);
      });
    }

    it("forgets failures at a reset that was asked for", async () => {
      const image = await build(`
        const cause = native.resetCause();
        log(cause);
        if (cause === "power-on") throw new Error("first");
        if (cause === "fault") native.reset();
        native.exit(0);`);
      const result = await run(image);
      assert.deepEqual(infos(result), ["power-on", "fault", "software"]);
      assert.equal(pauses(result).length, 1);
    });
  });

  describe("command line", () => {
    it("refuses what it does not understand with one line and status 2", async () => {
      const image = await build("native.exit(0);");
      for (const args of [
        ["--frobnicate"],
        ["--hci"],
        ["--hci", "serial"],
        ["--hci", "tcp:nowhere"],
        ["--id", "12"],
        ["--max-resets", "x"],
        ["word"],
      ]) {
        const result = await run(image, args);
        assert.equal(result.status, 2, args.join(" "));
        assert.equal(result.lines.length, 1);
        assert.match(result.lines[0] ?? "", /^firmware: .*--help/);
      }
      assert.equal((await run(image, ["--app", scene.bench.path("absent")])).status, 1);
      assert.equal((await run(image, ["--help"])).status, 0);
    });
  });
});
