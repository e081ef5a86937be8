/** The engine on the host board: loop, heap, sleep and language, by small firmwares that run to their end. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, it } from "mocha";
import { describeOnHost } from "./host-firmware.ts";
import { Controller, run } from "./image.ts";

describeOnHost((scene) => {
  const { build, log } = scene;

  describe("loop", () => {
    it("runs main, then promise jobs, then timers by due time", async () => {
      const lines = await log(`
        native.timerSet(() => log("20"), 20);
        native.timerSet(() => log("10, set first"), 10);
        native.timerSet(() => { log("10, set second"); Promise.resolve().then(() => log("its job")); }, 10);
        native.timerSet(() => log("15"), 15);
        native.timerClear(native.timerSet(() => log("cleared"), 12));
        Promise.resolve().then(() => log("job"));
        native.timerSet(() => native.exit(0), 40);
        log("main");`);
      assert.deepEqual(lines, ["main", "job", "10, set first", "10, set second", "its job", "15", "20"]);
    });

    it("clears only the timer that a handle was given for", async () => {
      const lines = await log(`
        const old = native.timerSet(() => log("old"), 0);
        native.timerSet(() => {
          native.timerSet(() => log("new"), 0);
          native.timerClear(old);
          native.timerClear(0);
          native.timerClear(12345678);
          native.timerSet(() => native.exit(0), 5);
        }, 2);`);
      assert.deepEqual(lines, ["old", "new"]);
    });

    it("takes many timers, in any order, and refuses the one too many", async () => {
      const lines = await log(`
        const order = [];
        const handles = [];
        const due = [];
        for (let i = 0; i < 64; i++) {
          const delayMs = 1 + ((i * 37) % 64);
          const earliest = Date.now() + delayMs;
          handles.push(native.timerSet(() => order.push(i), delayMs));
          due.push({ earliest, latest: Date.now() + 1 + delayMs });
        }
        log(attempt(() => native.timerSet(() => {}, 1)));
        for (let i = 0; i < 64; i += 2) native.timerClear(handles[i]);
        native.timerSet(() => {
          // A busy computer may set them milliseconds apart.
          log(order.every((i, at) => order.slice(at).every((later) => due[i].earliest <= due[later].latest)));
          log(order.length);
          native.exit(0);
        }, 2000);`);
      assert.deepEqual(lines, ["RangeError: timerSet: more than 64 timers at once", "true", "32"]);
    });

    it("reports what a timer throws, with its stack, and goes on", async () => {
      const result = await run(
        await build(`
          native.timerSet(function broken() { throw new Error("boom"); }, 1);
          native.timerSet(() => { throw { toString() { throw 1; } }; }, 2);
          native.timerSet(() => native.exit(0), 5);`),
      );
      assert.equal(result.status, 0);
      assert.equal(result.lines[0], "error: timer callback: Error: boom");
      assert.match(result.lines[1] ?? "", /^ +at broken \(firmware [0-9a-f]{8}\+\d+\)$/);
      assert.equal(result.lines.at(-2), "error: timer callback: a value that cannot be shown");
      assert.match(result.lines.at(-1) ?? "", /^ +at firmware [0-9a-f]{8}\+\d+$/);
    });

    it("reports an unhandled rejection with its stack once the camera is quiet, and goes on", async () => {
      const result = await run(
        await build(`
          native.timerSet(() => {
            (async function forgotten() { throw new RangeError("lost"); })();
            const late = Promise.reject(new Error("caught late"));
            native.timerSet(() => late.catch(() => log("caught")), 10);
          }, 1);
          native.timerSet(() => native.exit(0), 3000);`),
      );
      assert.equal(result.status, 0);
      assert.ok(result.lines.includes("error: unhandled rejection: RangeError: lost"));
      assert.match(result.lines.join("\n"), /at forgotten/);
      assert.doesNotMatch(result.lines.join("\n"), /caught late/);
    });

    it("survives garbage many times the size of its heap", async () => {
      const lines = await log(`
        let kept = [];
        let turns = 0;
        const turn = () => {
          for (let i = 0; i < 50; i++) kept.push({ text: "x".repeat(40) + i });
          if (++turns % 4 === 0) kept = [];
          if (turns < 1000) native.timerSet(turn, 0);
          else { const { slotsUsed, slotsPeak, slotsSize } = native.heap(); log(slotsPeak <= slotsSize); native.exit(0); }
        };
        turn();`);
      assert.deepEqual(lines, ["true"]);
    });
  });

  it("Math.random is another one in each process", async () => {
    const image = await build(`
      log(Array.from({ length: 4 }, () => Math.random()));
      native.exit(0);`);
    const [first, second] = await Promise.all([run(image), run(image)]);
    assert.equal(first.status, 0);
    assert.notDeepEqual(first.lines, second.lines);
  });

  describe("heap", () => {
    /** Keeps records of every kind of memory, some of them for long, and looks whether they are what they were. */
    const churn = `
      let seed = 1;
      const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
      const kept = [];
      const record = (id) => {
        const bytes = new Uint8Array(random(100) === 0 ? 4000 : random(60));
        bytes.fill(id & 0xff);
        return { id, text: "record " + id + "x".repeat(random(40)), bytes, list: [id, id + 1, { id }], map: new Map([[id, String(id)]]) };
      };
      const check = ({ id, text, bytes, list, map }) => text.startsWith("record " + id) &&
        bytes.every((byte) => byte === (id & 0xff)) && list[2].id === id && map.get(id) === String(id);
      let wrong = 0;
      const work = (records, most) => {
        for (let id = 0; id < records; id++) {
          const place = kept.length < most ? kept.length : random(most);
          if (kept[place] && !check(kept[place])) wrong++;
          kept[place] = record(id);
        }
        for (const each of kept) if (!check(each)) wrong++;
      };`;

    it("grows on demand, and nothing in it changes", async () => {
      const lines = await log(`${churn}
        const before = native.heap();
        work(3000, 1000);
        const after = native.heap();
        log(wrong);
        log(before.growth);
        log(after.growth > 0 && after.growthPeak >= after.growth);
        log(after.slotsSize + after.chunksSize <= after.mostBytes);
        log(after.slotsSize - before.slotsSize + after.chunksSize - before.chunksSize <= after.growth);
        native.exit(0);`);
      assert.deepEqual(lines, ["0", "0", "true", "true", "true"]);
    });

    // Of objects of which few have a text slots run out first, and a collection for a slot leaves chunks where they are.
    const litter = `
      const litter = (count) => { for (let i = 0; i < count; i++) ({ a: i, b: i, c: i, d: i, e: i % 20 || "x".repeat(8) + i }); };
      const atFloor = () => { const { growthPeak, growth } = native.heap(); log([growthPeak, growth].join()); };`;

    it("does not grow for the chunks of garbage", async () => {
      const lines = await log(`${litter} litter(60_000); atFloor(); native.exit(0);`);
      assert.deepEqual(lines, ["0,0"]);
    });

    it("does not grow for garbage while the camera is never quiet", async () => {
      const lines = await log(`${litter}
        let turns = 0;
        const turn = () => {
          litter(100);
          if (turns++ < 700) return native.timerSet(turn, 0);
          atFloor();
          native.exit(0);
        };
        turn();`);
      assert.deepEqual(lines, ["0,0"]);
    });

    it("grows while the machine is new, and keeps what it has for chunks and slots in turn", async () => {
      const lines = await log(`${churn}
        for (let round = 0; round < 3; round++) {
          const blocks = [];
          for (let i = 0; i < 20; i++) blocks.push(new Uint8Array(60_000).fill(i));
          for (const [i, block] of blocks.entries()) if (!block.every((byte) => byte === i)) wrong++;
          blocks.length = 0;
          work(1000, 500);
          kept.length = 0;
        }
        native.collect();
        log(wrong);
        const { growthPeak, mostBytes } = native.heap();
        log(growthPeak < mostBytes);
        native.exit(0);`);
      assert.deepEqual(lines, ["0", "true"]);
    });

    it("gives to slots what chunks no longer need", async () => {
      const lines = await log(`
        let blocks = [];
        for (let i = 0; i < 40; i++) blocks.push(new Uint8Array(60_000));
        blocks = [];
        const objects = [];
        for (let i = 0; i < 25_000; i++) objects.push({ i });
        log(objects.every(({ i }, at) => i === at));
        native.exit(0);`);
      assert.deepEqual(lines, ["true"]);
    });

    it("takes one piece larger than the whole floor", async () => {
      const lines = await log(`
        const large = new Uint8Array(1_000_000).fill(7);
        const other = "x".repeat(200_000);
        native.collect();
        log(large.every((byte) => byte === 7) && other.length === 200_000);
        native.exit(0);`);
      assert.deepEqual(lines, ["true"]);
    });

    it("arrays with holes survive collections, wherever they have moved to", async () => {
      const lines = await log(`
        const keep = [];
        let junk = [];
        for (let n = 0; n < 1500; n++) {
          for (let k = 0; k < 60; k++) junk.push(new Uint8Array(64 + k * 8).fill((n + k) % 48));
          if (n % 3 === 2) junk = [];
          for (let k = 0; k < 20; k++) {
            const holes = [];
            holes[0] = keep;
            holes[1] = keep;
            holes[2] = keep;
            holes[60] = keep;
            keep.push(holes);
          }
          if (keep.length > 800) keep.splice(0, 700);
        }
        log(keep.every((holes) => holes.length === 61 && holes[60] === keep && !(3 in holes)));
        native.exit(0);`);
      assert.deepEqual(lines, ["true"]);
    });

    // A fifth of the slots is free after each collection, at the least, and one of this garbage takes two.
    it("collects rarely although it is nearly full", async () => {
      const lines = await log(`
        const live = [];
        let collections = 0;
        const registry = [];
        const watch = () => { registry.push(new WeakRef({})); };
        while (native.heap().growth === 0) live.push({ n: live.length });
        let turns = 0;
        const { slotsUsed } = native.heap();
        let before = slotsUsed;
        for (let i = 0; i < 200_000; i++) {
          const garbage = { i };
          if (i % 100 === 0) { const now = native.heap().slotsUsed; if (now < before) collections++; before = now; }
        }
        log(collections > 0 && collections < (200_000 * 2) / (native.heap().slotsSize / 32 / 5));
        native.exit(0);`);
      assert.deepEqual(lines, ["true"]);
    });

    it("stays at its floor when the command line says so, and ends with the figures", async () => {
      const image = await build(`${churn} work(3000, 3000);`);
      const { lines } = await run(image, ["--growth", "0", "--max-resets", "0"]);
      const most = 12288 * 32 + 96 * 1024;
      const full = `^fatal: JavaScript heap full: \\d+ of \\d+ slots, \\d+ of \\d+ chunk bytes in use, and it cannot grow beyond ${most} bytes\n +at work \\(`;
      assert.match(lines.join("\n"), new RegExp(full, "m"));
    });
  });

  describe("idle", () => {
    it("wakes nobody once start-up's garbage is collected", async () => {
      const image = await build(`
        native.hciOpen((packet) => native.exit(0), () => {}, log);
        native.timerSet(() => log("ready"), 100);`);
      const controller = await Controller.listen(scene.bench.path("idle"), () => {});
      /** Wakes in three seconds: of the first that have none, or else of the last. On a busy machine the start takes its time. */
      let wakes = Number.POSITIVE_INFINITY;
      let started = 0;
      const result = await run(image, ["--hci", controller.option], async (child) => {
        // Every sleep of the process is one voluntary context switch.
        const sleeps = () =>
          Number(
            /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(
              readFileSync(`/proc/${child.pid}/status`, "utf8"),
            )?.[1],
          );
        for (let look = 0; look < 20 && wakes > 0; look++) {
          const before = sleeps();
          await delay(3_000);
          started = before;
          wakes = sleeps() - before;
        }
        controller.send("040e0401030c00");
      });
      controller.close();
      assert.equal(result.status, 0, result.lines.join("\n"));
      assert.ok(started > 0);
      assert.equal(wakes, 0);
    });
  });

  describe("language", () => {
    it("gives functions their length and name through Function.prototype", async () => {
      const lines = await log(`
        const symbol = Symbol("mark");
        class Thing { method(a, b) {} get size() { return 1; } [symbol]() {} static of(a) {} }
        const show = (f) => log(f.name + "/" + f.length + " " + Object.keys(Object.getOwnPropertyDescriptors(f)));
        show(Thing);
        show(new Thing().method);
        show(Thing.of);
        show(Thing.prototype[symbol]);
        show(Object.getOwnPropertyDescriptor(Thing.prototype, "size").get);
        show((a, b = 1) => {});
        show(async function later(a, b, c) {});
        show([].map);
        log([Function.prototype.name, Function.prototype.length, { __proto__: Function.prototype }.name]);
        log(attempt(() => { Thing.name = "Other"; }));
        log(new Thing().constructor.name + " " + class { static name = "own"; }.name);
        try { (function thrower() { null.x; })(); } catch (error) { log(error.stack.split("\\n")[1].trim()); }
        native.exit(0);`);
      assert.match(lines.pop() ?? "", /^at thrower \(firmware [0-9a-f]{8}\+\d+\)$/);
      assert.deepEqual(lines, [
        "Thing/0 prototype,of",
        "method/2 ",
        "of/1 ",
        "[mark]/0 ",
        "size/0 ",
        "/1 ",
        "later/3 ",
        "map/0 ",
        ",0,",
        "TypeError: set name: no setter",
        "Thing own",
      ]);
    });

    it("finds and sets properties wherever they are: in an object, its class, with what it is made of, or nowhere", async () => {
      const lines = await log(`
        class Base { get twice() { return this.value * 2; } set twice(value) { this.value = value / 2; } method() { return "base"; } }
        class Derived extends Base { value = 1; method() { return "derived " + super.method(); } }
        const derived = new Derived();
        derived.twice = 8;
        log([derived.value, derived.twice, derived.method(), derived.nothing, Object.keys(derived)]);
        derived.method = () => "own";
        log([derived.method(), delete derived.method, derived.method()]);
        Derived.prototype.method = () => "changed";
        log([derived.method(), delete Derived.prototype.method, derived.method()]);
        const bare = Object.create(null);
        bare.a = 1;
        log([bare.a, bare.toString, Object.keys(bare)]);
        const named = Object.assign(function named() {}, { extra: "e" });
        const map = Object.assign(new Map([[1, 2]]), { size2: 2 });
        const bytes = Object.assign(new Uint8Array(2), { note: "n" });
        const list = Object.assign([1, 2], { last: 2 });
        log([named.extra, named.name, map.size2, map.size, bytes.note, bytes.length, list.last, list.length]);
        list.length = 1;
        log([list, "text".length, (5).toFixed(1), true.nothing]);
        const fixed = Object.freeze({ a: 1 });
        log([attempt(() => { fixed.a = 2; }), attempt(() => { fixed.b = 2; }), fixed.a, fixed.b]);
        log(attempt(() => { class OnlyGet { get a() { return 1; } } new OnlyGet().a = 2; }));
        log([attempt(() => undefined.a), attempt(() => null.a)]);
        native.exit(0);`);
      assert.deepEqual(lines, [
        "4,8,derived base,,value",
        "own,true,derived base",
        "changed,true,base",
        "1,,a",
        "e,named,2,1,n,2,2,2",
        "1,4,5.0,",
        "TypeError: set a: not writable,TypeError: set b: not extensible,1,",
        "TypeError: set a: no setter",
        "TypeError: cannot coerce undefined to object,TypeError: cannot coerce null to object",
      ]);
    });

    it("branches as far as they reach, about the ends of 1 and of 2 bytes, forward and back", async () => {
      // Statements of 5 and of 3 bytes or so: all distances near the end of 1 byte, both sides of the end of 2.
      const program = (long: number, short: number): string =>
        `((n) => { let s = 0, i = 0; while (i < n) { if (i !== 1) { ${"s = s + i;".repeat(long)} ${"i;".repeat(short)} }
          else s += 1000; i++; } try { s ||= 1; } finally { s++; } return s ?? 0; })(4)`;
      const programs = [2800, 3000, 3200, 3400, 3600, 4000, 4400, 4800].map((long) => program(long, 1));
      for (let long = 8; long < 24; long++)
        for (let short = 0; short < 8; short++) programs.push(program(long, short));
      const wanted = programs.map((text) => String(Function(`return ${text}`)()));
      const lines = await log(`${programs.map((text) => `log(${text});`).join("\n")} native.exit(0);`);
      assert.deepEqual(lines, wanted);
    });

    it("leaves out what a camera has no use for", async () => {
      const names = ["Proxy", "Atomics", "SharedArrayBuffer", "trace"];
      const properties = [
        "ArrayBuffer.fromBigInt",
        "ArrayBuffer.prototype.concat",
        "BigInt.bitLength",
        "BigInt.fromArrayBuffer",
        "Date.prototype.getYear",
        "Date.prototype.setYear",
        "String.fromArrayBuffer",
        ...["idiv", "idivmod", "imod", "imuldiv", "irem", "mod"].map((name) => `Math.${name}`),
      ];
      const all = [...names, ...properties];
      const lines = await log(`log([${all.map((name) => `typeof ${name}`)}]); native.exit(0);`);
      assert.deepEqual(lines, [all.map(() => "undefined").join()]);
    });

    it("makes letters small and large outside ASCII too, and every sigma the same one", async () => {
      const lines = await log(
        `log("ÄÖ ΟΔΟΣ Σ ДЖ".toLowerCase()); log("äöß σς дж".toUpperCase()); log(/ΣÄ/iu.test("ςä")); native.exit(0);`,
      );
      assert.deepEqual(lines, ["äö οδοσ σ дж", "ÄÖSS ΣΣ ДЖ", "true"]);
    });

    it("keeps what is like it, but of the language", async () => {
      const all = [
        "Math.imul",
        "Math.pow",
        "Date.prototype.getFullYear",
        "Array.prototype.concat",
        "BigInt.asIntN",
      ];
      const lines = await log(`log([${all.map((name) => `typeof ${name}`)}]); native.exit(0);`);
      assert.deepEqual(lines, [all.map(() => "function").join()]);
    });

    it("says that it cannot compile, for each constructor that would", async () => {
      const lines = await log(`
        const makers = [function () {}, async function () {}, function* () {}, async function* () {}];
        for (const maker of makers) log(attempt(() => maker.constructor("return 1")));
        for (const maker of makers) log(attempt(() => new maker.constructor()));
        log(makers[0] instanceof Function);
        native.exit(0);`);
      const refusal = "SyntaxError: the camera has no compiler: eval and Function do not work on it";
      assert.deepEqual(lines, [...Array(8).fill(refusal), "true"]);
    });
  });
});
