/** The preloaded machine of mps2-an500: a camera on its clone behaves as one that evaluates its firmware. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import { readSections, storedBytes } from "../../tools/size/elf.ts";
import { Bench } from "./image.ts";
import { buildImage, type Ended, runQemu } from "./qemu-camera.ts";

/** What every start says of an image that nobody built for release. */
const withoutDevelopment = (lines: readonly string[]): string[] =>
  lines.filter((line) => !line.startsWith("warning: this image trusts the development key"));
const warning = "warning: this image has no preloaded machine: evaluating the firmware";

const infos = ({ lines }: Pick<Ended, "lines">): string[] =>
  lines.filter((line) => line.startsWith("info: ")).map((line) => line.slice(6));

/** A copy of an image with other bytes where the preloaded machine is. */
function withMachine(image: string, name: string, machine: Uint8Array): string {
  const copy = `${image}.${name}`;
  copyFileSync(image, copy);
  writeFileSync(`${copy}.rom`, machine);
  execFileSync("arm-none-eabi-objcopy", ["--update-section", `.rom=${copy}.rom`, copy]);
  return copy;
}

/** The preloaded machine of an image. */
function machineOf(image: string): Buffer {
  const file = `${image}.dumped`;
  execFileSync("arm-none-eabi-objcopy", ["-O", "binary", "--only-section=.rom", image, file]);
  return readFileSync(file);
}

/** State and code of a firmware's module, and lines that say how they look to `main`. */
const module = `
  const list = [1, 4, 6];
  const objects = [{ a: 1 }, { a: 2 }];
  const sparse = [1]; sparse.length = 200000;
  const map = new Map([[2, "two"], ["k", 3]]);
  const set = new Set([5, 6]);
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const table = { opcode: 2, fields: { mtu: (values) => values.push("mtu"), handle: (values) => values.push("handle") } };
  const frozen = Object.freeze({ ATT: 4 });
  const pattern = /a(b)/;
  const text = ["a", "b"].join("-");
  const large = 10n ** 20n;
  const error = new RangeError("early");
  const registered = Symbol.for("registered");
  const own = Symbol("own");
  let count = 0;
  let shared = 1;
  const takesOne = () => shared;
  const takesTwo = () => { shared++; return shared + table.fields.mtu.length; };
  const takesThree = () => { shared++; return [shared + table.fields.mtu.length, list.length]; };
  const twins = [(a) => a + 1, (a) => a + 1];
  const nested = (a) => { const inner = (b) => { const text = "in" + "ner"; return text + a + b; }; return inner; };
  const add = nested(1);
  function plain() { return "p"; }
  function Old() { this.made = "old"; }
  Old.prototype.shows = function () { return this.made; };
  const loud = { __proto__: { cry() { return "c"; } }, cry() { return (() => super.cry() + "!")(); } };
  class Base { static made = 0; list = []; constructor() { Base.made++; } get size() { return this.list.length; } }
  class Derived extends Base { name = "derived"; get size() { return super.size + 1; } static of() { return new this(); } }
  Derived.zero = new Derived();
  class Patched { call() { return "first"; } get size() { return 1; } }
  class Failure extends Error { name = "Failure"; constructor(message) { super(message); this.code = 4; } }
  function* generate() { yield* list; yield 9; }
  async function wait(native, delayMs) { await new Promise((resolve) => native.timerSet(resolve, delayMs)); return delayMs; }
  const checks = {
    reads: () => [list.includes(4), list.indexOf(6), list[1], objects.find(({ a }) => a === 2).a, frozen.ATT, text, large],
    collections: () => [map.get(2), map.get("k"), map.has(3), map.size, set.size, set.has(5), ...map.keys(), ...set],
    sparse: () => [sparse.length, sparse[0], 7 in sparse],
    bytes: () => [bytes[2], bytes.length, new DataView(bytes.buffer).getUint16(1), bytes.slice(1)],
    table: () => { const values = []; for (const name in table.fields) table.fields[name](values); return values; },
    entries: () => Object.entries(table).map(([name]) => name),
    symbols: () => [Symbol.for("registered") === registered, Symbol.keyFor(registered), own.toString(), { [own]: 1 }[own]],
    generators: () => [...generate()],
    classes: () => { const made = new Derived(); made.list.push(1); return [made.size, Base.made, made.name, Derived.zero.size, made instanceof Base]; },
    errors: () => { const failure = new Failure("late"); return [failure, failure.code, failure instanceof Failure, error, error.stack.length > 0]; },
    closures: () => { count++; count++; return count; },
    sharing: () => [takesOne(), takesTwo(), ...takesThree(), takesOne()],
    pushes: () => { list.push(7); list[0] = "one"; return list; },
    assigns: () => { objects[0].a = { deep: "er" }; table.added = "x"; delete table.opcode; return [objects[0].a.deep, objects[1].a, Object.keys(table), JSON.stringify({ a: [1] })]; },
    statics: () => { Base.extra = "e"; Base.prototype.more = () => "m"; return [Base.extra, new Derived().more()]; },
    builtIns: () => { Array.prototype.last = function () { return this[this.length - 1]; }; return [list.last(), [1, 2].last()]; },
    mapPrototype: () => { Map.prototype.first = function () { return this.get(2); }; return map.first(); },
    errorPrototype: () => { Error.prototype.hint = "h"; return error.hint + new TypeError("x").hint; },
    regularExpressions: () => [pattern.exec("cab")[1], pattern.test("ab"), "cab".replace(pattern, "-"), /a(b)/.exec("cab")[1], "a1b2".replace(/\\d/g, "-")],
    dates: () => new Date(0).toISOString(),
    homes: () => [loud.cry(), plain(), new Old().shows(), Derived.of().size],
    functions: () => { twins[0].mine = "t"; return [twins[0] === twins[1], twins[1].mine, twins[0](1), add(2), nested(3)(4), add.name, add.length]; },
    patches: () => {
      const each = new Patched();
      const seen = [];
      const look = () => { try { seen.push(each.size, each.call()); } catch (error) { seen.push(error.name); } };
      look();
      look();
      each.call = () => "own";
      look();
      delete each.call;
      look();
      Patched.prototype.call = () => "patched";
      look();
      Object.defineProperty(Patched.prototype, "size", { get: () => "getter", configurable: true });
      look();
      delete Patched.prototype.call;
      look();
      return seen;
    },
    weak: () => { const weak = new WeakMap(); const key = {}; weak.set(key, "w"); return weak.get(key); },
  };
  const show = (native, name) => {
    let result;
    try { result = String(checks[name]()); } catch (thrown) { result = "threw " + thrown; }
    native.consoleWrite("info", name + ": " + result);
  };
  export default function main(native) {
    for (const name in checks) show(native, name);
    native.collect();
    for (const name in checks) show(native, name);
    wait(native, 5).then((delayMs) => {
      native.collect();
      native.consoleWrite("info", "waited " + delayMs);
      native.exit(0);
    });
  }`;

describe("preloaded machine on mps2-an500", function () {
  this.timeout(600_000);
  let bench: Bench;

  before(async () => {
    bench = await Bench.open();
  });

  after(() => bench.dispose());

  it("shows a program the module as evaluation does, before and after it is changed and collected", async () => {
    const image = await buildImage(bench, "module", module);
    const preloaded = await runQemu({ elf: image });
    const evaluated = await runQemu({ elf: `${image}.linked` });
    assert.equal(preloaded.status, 0, preloaded.lines.join("\n"));
    assert.equal(evaluated.lines[0], warning);
    assert.deepEqual(preloaded.lines, evaluated.lines.slice(1));
    assert.equal(infos(preloaded).length, 2 * 24 + 1);
    assert.ok(
      infos(preloaded).includes("patches: 1,first,1,first,1,own,1,first,1,patched,getter,patched,TypeError"),
    );
    assert.ok(!preloaded.lines.some((line) => line.includes("threw")), preloaded.lines.join("\n"));
  });

  it("refuses by a TypeError what would write to flash", async () => {
    const source = `
      const map = new Map([[1, 1]]), set = new Set([1]), weak = new WeakMap(), bytes = new Uint8Array(4), key = {}, every = /x/g;
      const attempts = {
        map: () => map.set(2, 2),
        clear: () => map.clear(),
        set: () => set.add(2),
    weak: () => weak.set({}, 1),
        key: () => new WeakMap().set(key, 1),
        bytes: () => { bytes[0] = 1; },
        fill: () => bytes.fill(1),
        view: () => new DataView(bytes.buffer).setUint8(0, 1),
        expando: () => { map.name = "m"; },
        lastIndex: () => every.exec("axa"),
        json: () => JSON.stringify(key),
      };
      export default function main(native) {
        for (const name in attempts) {
          let result = "changed";
          try { attempts[name](); } catch (error) { result = error.name; }
          native.collect();
          native.consoleWrite("info", name + " " + result);
        }
        native.exit(0);
      }`;
    const result = await runQemu({ elf: await buildImage(bench, "contents", source) });
    const names = [
      "map",
      "clear",
      "set",
      "weak",
      "key",
      "bytes",
      "fill",
      "view",
      "expando",
      "lastIndex",
      "json",
    ];
    assert.deepEqual(
      result.lines,
      names.map((name) => `info: ${name} TypeError`),
    );
  });

  it("leaves RAM to what changes", async () => {
    const functions = Array.from({ length: 300 }, (_, i) => `export const f${i} = (a) => a + ${i};`).join(
      "\n",
    );
    const source = `${functions}
      export default function main(native) {
        native.collect();
        native.consoleWrite("info", String(native.heap().slotsUsed));
        native.exit(0);
      }`;
    const image = await buildImage(bench, "ram", source);
    const used = async (elf: string): Promise<number> => Number(infos(await runQemu({ elf }))[0]);
    assert.ok((await used(image)) < 4096);
    assert.ok((await used(`${image}.linked`)) > 60_000);
  });

  it("is not taken from another image, nor when it is damaged at its start", async () => {
    const source = (text: string): string =>
      `export default function main(native) { native.consoleWrite("info", "${text}"); native.exit(0); }`;
    const one = await buildImage(bench, "one", source("one"));
    const two = await buildImage(bench, "two", source("two"));
    const damaged = machineOf(one);
    damaged[0]! ^= 1;
    for (const elf of [
      withMachine(one, "mixed", machineOf(two)),
      withMachine(one, "damaged", damaged),
      withMachine(one, "none", new Uint8Array(8)),
    ]) {
      const { lines } = await runQemu({ elf, exitOnReset: true });
      assert.deepEqual(lines, [
        "fatal: this image has no preloaded machine that belongs to it; build it again",
      ]);
    }
  });

  it("is found damaged when any of its bits has changed", async () => {
    const source = `export default function main(native) { native.consoleWrite("info", "one"); native.exit(0); }`;
    const image = await buildImage(bench, "whole", source);
    const machine = machineOf(image);
    // The checksum itself, what it begins with, and what it ends with.
    for (const at of [8, 40, machine.length >> 1, machine.length - 1]) {
      const damaged = Uint8Array.from(machine);
      damaged[at]! ^= 0x10;
      const elf = withMachine(image, `damaged-${at}`, damaged);
      const { lines } = await runQemu({ elf, exitOnReset: true });
      assert.deepEqual(lines, [
        "fatal: the preloaded machine in this image is damaged; write the image to the camera again",
      ]);
    }
  });

  it("takes the prototype of functions that only a class would have, for TypeScript constructs nothing else", async () => {
    const image = await buildImage(
      bench,
      "prototypes",
      `function plain() {}
       class Made {}
       export default function main(native) {
         const attempt = (f) => { try { return typeof f(); } catch (error) { return String(error); } };
         native.consoleWrite("info", [typeof plain.prototype, attempt(() => new plain()), attempt(() => new Made())].join("; "));
         native.exit(0);
       }`,
    );
    assert.deepEqual((await runQemu({ elf: image })).lines, [
      "info: undefined; TypeError: no constructor; object",
    ]);
    assert.deepEqual(infos(await runQemu({ elf: `${image}.linked` })), ["object; object; object"]);
  });

  it("is never made again by an image that has one", async () => {
    const source = `export default function main(native) { native.consoleWrite("info", "runs"); native.exit(0); }`;
    const elf = await buildImage(bench, "finished", source);
    const file = bench.path("never");
    const result = await runQemu({ elf, arguments: [`preload=${file}`] });
    assert.deepEqual(result.lines, ["info: runs"]);
    assert.throws(() => readFileSync(file), { code: "ENOENT" });
  });

  it("leaves to the image what runs on a camera, and no more", async () => {
    const once = Array.from({ length: 2000 }, (_, i) => `made.push(${i}, "text ${i}".length);`).join("\n");
    const source = (body: string): string => `const made = []; ${body}
      export default function main(native) { native.consoleWrite("info", String(made.length)); native.exit(0); }`;
    const small = await buildImage(bench, "small", source("made.length = 1;"));
    const large = await buildImage(bench, "large", source(`${once} made.length = 1;`));
    assert.deepEqual((await runQemu({ elf: large })).lines, ["info: 1"]);
    const sizeOf = (image: string): number => storedBytes(readSections(image));
    assert.ok(sizeOf(`${large}.linked`) > sizeOf(`${small}.linked`) + 40_000);
    assert.ok(sizeOf(large) < sizeOf(small) + 1000, `${sizeOf(large)} and ${sizeOf(small)}`);
    assert.ok(!readSections(large).some(({ name }) => name === ".leaves"));
  });

  it("fails the build with a sentence when the module throws, waits, or makes up names", async () => {
    const build = (name: string, body: string): Promise<string> =>
      buildImage(bench, name, `${body}\nexport default function main() {}`);
    await assert.rejects(build("throws", `throw new Error("no module");`), /main failed: Error: no module/);
    await assert.rejects(
      build("waits", "await new Promise(() => {});"),
      /preload: the firmware's module waits for something/,
    );
    for (const [name, value] of Object.entries({
      generator: "(function* () {})()",
      promise: "Promise.resolve(1)",
    })) {
      await assert.rejects(
        build(name, `export const value = ${value};`),
        /preload: the firmware's module keeps a value that an image cannot hold/,
      );
    }
    await assert.rejects(
      build("names", `export const made = {}; made["up" + "per"] = 1;`),
      /makes property names of strings: write "upper" as identifiers/,
    );
  });

  describe("application", () => {
    let image: string;

    before(async () => {
      image = await buildImage(
        bench,
        "host",
        `Object.defineProperties(Symbol, {
           dispose: { value: Symbol("Symbol.dispose") }, asyncDispose: { value: Symbol("Symbol.asyncDispose") },
         });
         const secret = "s";
         class Connection { async [Symbol.asyncDispose]() { await null; this.log("closed"); } }
         export default function main(native) {
           const log = (text) => native.consoleWrite("info", String(text));
           const open = () => { const made = new Connection(); made.log = log; return made; };
           native.applicationStart({ camera: { log, open, Connection }, aioble: { default: "aioble" } }, { shown: "global" },
             (reason) => log("failed: " + reason));
           native.timerSet(() => { native.collect(); native.timerSet(() => native.exit(0), 10); }, 20);
         }`,
      );
    });

    async function start(source: string): Promise<readonly string[]> {
      const app = bench.compile("application", "app", source, `${image}.xsb`, "mps2-an500");
      return withoutDevelopment((await runQemu({ elf: image, app })).lines);
    }

    it("gets the modules and the globals it is given, and nothing of the firmware", async () => {
      const lines = await start(`
        import { log } from "camera";
        import aioble from "aioble";
        log([aioble, shown, typeof native, typeof secret, typeof main, typeof Compartment, typeof Uint8Array].join());
        globalThis.secret = "mine";
        for (const attempt of [
          () => log.constructor("return secret")(),
          () => (async () => {}).constructor("return secret")(),
          () => (0, eval)("secret"),
          () => new ModuleSource("import 'firmware'"),
        ]) try { log("reached " + attempt()); } catch (error) { log(error.name); }
        try { await import("firmware"); log("imported"); } catch (error) { log(error.message); }`);
      assert.deepEqual(lines, [
        "info: aioble,global,undefined,undefined,undefined,undefined,function",
        ...Array(4).fill("info: SyntaxError"),
        'info: the application imports "firmware", which is not one of: camera, aioble',
      ]);
    });

    it("disposes what `await using` opened, of a preloaded class", async () => {
      const lines = await start(`
        import { log, open, Connection } from "camera";
        const connection = open();
        log(typeof Connection.prototype[Symbol.asyncDispose] + " " + (connection instanceof Connection));
        await connection[Symbol.asyncDispose]();
        class Mine extends Connection { constructor() { super(); this.log = log; } }
        await new Mine()[Symbol.asyncDispose]();`);
      assert.deepEqual(lines, ["info: function true", "info: closed", "info: closed"]);
    });

    it("has its lost rejections reported, and may add to built-ins", async () => {
      const lines = await start(`
        import { log } from "camera";
        Promise.prototype.mine = () => "added";
        Array.prototype.mine = () => "added";
        log([].mine() + " " + Promise.resolve().mine());
        Promise.reject(new RangeError("lost"));`);
      assert.equal(lines[0], "info: added added");
      assert.equal(lines[1], "error: unhandled rejection: RangeError: lost");
    });

    it("that was compiled for other symbols is fitted to this firmware", async () => {
      const other = bench.compile(
        "firmware",
        "other",
        "export default function main() { alien.symbol = 1; }",
      );
      const app = bench.compile(
        "application",
        "alien",
        `import { log } from "camera"; const thing = { alien: 1, symbol: 2 }; log(Object.keys(thing));`,
        other,
        "mps2-an500",
      );
      const { lines } = await runQemu({ elf: image, app });
      assert.deepEqual(withoutDevelopment(lines), ["info: alien,symbol"]);
    });
  });
});
