/** The native side on the host board: small firmwares, run to their end, plainly and with sanitizers. */
import assert from "node:assert/strict";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "mocha";
import { forge } from "./container.ts";
import { Bench, Controller, type Run, run } from "./image.ts";

/** A firmware whose main has `log` and ends with `body`. */
const firmware = (body: string): string =>
  `export default function main(native) {
     const log = (text) => native.consoleWrite("info", String(text));
     const attempt = (f) => { try { return f(); } catch (error) { return String(error); } };
     ${body}
   }`;

const infos = ({ lines }: Run): string[] =>
  lines.filter((line) => line.startsWith("info: ")).map((line) => line.slice(6));

for (const sanitize of [false, true]) {
  describe(`native side on the host board${sanitize ? ", with sanitizers" : ""}`, function () {
    this.timeout(600_000);
    let bench: Bench;

    before(async () => {
      bench = await Bench.open({ sanitize });
    });

    after(() => bench.dispose());

    let images = 0;
    const build = (body: string): Promise<string> => bench.image(`firmware-${images++}`, firmware(body));

    /** Runs a firmware that ends by native.exit(0) and returns what it logged. */
    async function log(body: string, ...args: string[]): Promise<string[]> {
      const result = await run(await build(body), args);
      assert.equal(result.status, 0, result.lines.join("\n"));
      return infos(result);
    }

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
          for (let i = 0; i < 64; i++) handles.push(native.timerSet(() => order.push(i), 1 + ((i * 37) % 64)));
          log(attempt(() => native.timerSet(() => {}, 1)));
          for (let i = 0; i < 64; i += 2) native.timerClear(handles[i]);
          native.timerSet(() => {
            log(order.join() === [...order].sort((a, b) => ((a * 37) % 64) - ((b * 37) % 64)).join());
            log(order.length);
            native.exit(0);
          }, 100);`);
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
          log(collections > 0 && collections < 100);
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
        const controller = await Controller.listen(bench.path("idle"), () => {});
        let before = 0;
        let after = 0;
        const result = await run(image, ["--hci", controller.option], async (child) => {
          // Every sleep of the process is one voluntary context switch.
          const sleeps = () =>
            Number(
              /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(
                readFileSync(`/proc/${child.pid}/status`, "utf8"),
              )?.[1],
            );
          await delay(2_000);
          before = sleeps();
          await delay(3_000);
          after = sleeps();
          controller.send("040e0401030c00");
        });
        controller.close();
        assert.equal(result.status, 0, result.lines.join("\n"));
        assert.ok(before > 0);
        assert.equal(after, before);
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

      it("leaves out what a camera has no use for", async () => {
        const names = ["Proxy", "Atomics", "SharedArrayBuffer"];
        const lines = await log(`log([${names.map((name) => `typeof ${name}`)}]); native.exit(0);`);
        assert.deepEqual(lines, ["undefined,undefined,undefined"]);
      });
    });

    describe("natives", () => {
      it("check their arguments", async () => {
        const lines = await log(`
          const bytes = new Uint8Array(8);
          for (const f of [
            () => native.timerSet(1, 2),
            () => native.timerSet(() => {}),
            () => native.timerClear("x"),
            () => native.hciOpen(1, 2, 3),
            () => native.hciWrite([], 0),
            () => native.hciWrite(new Uint16Array(4), 0),
            () => native.hciWrite(bytes, 9),
            () => native.hciWrite(bytes, 1, bytes, 5, 4),
            () => native.hciWrite(bytes, 1, bytes, 0, 9),
            () => native.hciWrite(bytes, 0.5),
            () => native.random(-1),
            () => native.flashRead("nowhere", 0, 1),
            () => native.flashRead("state", 65536, 1),
            () => native.flashProgram("state", 0, "text"),
            () => native.sensorRead("pressure"),
            () => native.consoleWrite("loud", "x"),
            () => native.exit("x"),
            () => native.applicationStart(1, {}, () => {}),
            () => native.hciWrite({ __proto__: bytes }, 1),
            () => native.copyBytes(bytes, 9, new DataView(bytes.buffer), 0, 0),
            () => native.copyBytes(bytes, 4, new DataView(bytes.buffer), 0, 5),
            () => native.copyBytes(bytes, 0, new DataView(bytes.buffer, 6), 3, 0),
            () => native.copyBytes(bytes, 0, new DataView(bytes.buffer, 6), 1, 2),
            () => native.copyBytes(bytes, 0, bytes, 0, 1),
          ]) log(attempt(f));
          native.exit(0);`);
        assert.deepEqual(lines, [
          "TypeError: callback is not a function",
          "TypeError: argument 2 is missing",
          "TypeError: handle is not a number",
          "TypeError: onPacket is not a function",
          "TypeError: header is not a Uint8Array",
          "TypeError: header is not a Uint8Array",
          "RangeError: headerLength is not between 0 and 8",
          "RangeError: start is not between 0 and 4",
          "RangeError: end is not between 0 and 8",
          "RangeError: headerLength is not an integer",
          "RangeError: length is not between 0 and 65536",
          "TypeError: no flash area is called nowhere; this board has state, update",
          "RangeError: length is not between 0 and 0",
          "TypeError: bytes is not a Uint8Array",
          "TypeError: sensorRead: no sensor is called pressure",
          "TypeError: consoleWrite: no level is called loud",
          "TypeError: status is not a number",
          "TypeError: applicationStart: modules and globals are objects",
          "TypeError: header is not a Uint8Array",
          "RangeError: at is not between 0 and 8",
          "RangeError: length is not between 0 and 4",
          "RangeError: start is not between 0 and 2",
          "RangeError: length is not between 0 and 1",
          "TypeError: view is not a DataView",
        ]);
      });

      it("copyBytes copies between any offsets, also where they overlap", async () => {
        const lines = await log(`
          const source = Uint8Array.from({ length: 16 }, (_, at) => at);
          const target = new Uint8Array(new Uint8Array(16).buffer, 3, 10);
          native.copyBytes(target, 2, new DataView(source.buffer, 4), 1, 6);
          log(new Uint8Array(target.buffer).join());
          native.copyBytes(source, 2, new DataView(source.buffer), 0, 8);
          log(source.join());
          native.exit(0);`);
        assert.deepEqual(lines, [
          "0,0,0,0,0,5,6,7,8,9,10,0,0,0,0,0",
          "0,1,0,1,2,3,4,5,6,7,10,11,12,13,14,15",
        ]);
      });

      it("give the clock, entropy, the identifier, the sensor and the heap", async () => {
        const lines = await log(
          `
          const before = native.clockNow();
          log(native.clockNow() >= before);
          const [a, b] = [native.random(16), native.random(16)];
          log(a instanceof Uint8Array && a.length === 16 && a.join() !== b.join());
          log(native.uniqueId().join());
          log(native.sensorRead("temperature") >= 20 && native.sensorRead("humidity") >= 40);
          native.collect();
          const heap = native.heap();
          log(Object.keys(heap).join());
          log(heap.slotsUsed <= heap.slotsPeak && heap.slotsPeak <= heap.slotsSize && heap.slotsUsed > 0);
          log(attempt(() => (0, eval)("1")));
          log(native.resetCause());
          native.exit(0);`,
          ...["--id", "0123456789abcdef"],
        );
        assert.deepEqual(lines, [
          "true",
          "true",
          "1,35,69,103,137,171,205,239",
          "true",
          "slotsUsed,slotsPeak,slotsSize,chunksUsed,chunksPeak,chunksSize,growth,growthPeak,floorBytes,mostBytes,nativeStackPeak",
          "true",
          "SyntaxError: the camera has no compiler: eval and Function do not work on it",
          "power-on",
        ]);
      });

      it("write control characters to the console by number", async () => {
        const text = String.raw`"a\tb\u001b[2J\r\u007f\u0007 ü"`;
        assert.deepEqual(await log(`log(${text}); native.exit(0);`), [String.raw`a	b\x1b[2J\x0d\x7f\x07 ü`]);
      });

      it("obey the rules of flash, which keeps its bytes across resets and processes", async () => {
        const image = await build(`
          const { size, eraseUnit, programUnit } = native.flashGeometry("state");
          const read = () => [...native.flashRead("state", 0, 8)].join();
          log(native.resetCause() + " " + read());
          if (native.resetCause() === "software") { log([size, eraseUnit, programUnit].join()); native.exit(0); }
          native.flashErase("state", 0, eraseUnit);
          native.flashProgram("state", 0, new Uint8Array([1, 2, 3, 4]));
          log(attempt(() => native.flashProgram("state", 0, new Uint8Array([2, 2, 3, 4]))));
          log(attempt(() => native.flashProgram("state", 1, new Uint8Array(4))));
          log(attempt(() => native.flashErase("state", 4, eraseUnit)));
          native.flashSync("state");
          native.reset();`);
        const state = bench.path(`state-${images}`);
        const first = await run(image, ["--state", state]);
        const refused = [
          "Error: flash: cannot program 4 bytes at 0",
          "Error: flash: cannot program 4 bytes at 1",
          "Error: flash: cannot erase 4096 bytes at 4",
        ];
        const programmed = "1,2,3,4,255,255,255,255";
        const geometry = "65536,4096,4";
        assert.deepEqual(infos(first), [
          "power-on 255,255,255,255,255,255,255,255",
          ...refused,
          `software ${programmed}`,
          geometry,
        ]);
        assert.equal(statSync(state).size, 65536 + 262144);
        const second = await run(image, ["--state", state]);
        assert.equal(infos(second)[0], `power-on ${programmed}`);
        // What a board had before it got its second area.
        truncateSync(state, 65536);
        const third = await run(image, ["--state", state]);
        assert.equal(infos(third)[0], `power-on ${programmed}`);
        truncateSync(state, 65535);
        const refusal = await run(image, ["--state", state]);
        assert.match(refusal.lines.join(), /not the flash of this board, which has 327680 bytes/);
      });

      it("work in the background while timers run, and blocking operations wait for the one under way", async () => {
        const image = await build(`
          const area = "update";
          const { size } = native.flashGeometry(area);
          const read = (offset) => native.flashRead(area, offset, 1)[0];
          let ticks = 0;
          const tick = () => { ticks++; native.timerSet(tick, 10); };
          tick();
          native.flashProgram(area, 4096, new Uint8Array(4));
          native.flashBeginErase(area, 4096, 4096, (erased) => {
            log([erased, ticks > 3, read(4096)].join());
            const bytes = new Uint8Array([7, 7, 7, 7]);
            native.flashBeginProgram(area, 4096, bytes, (worked) => log("programmed " + worked));
            bytes.fill(0);
            log(read(4096));
            native.timerSet(() => {
              native.flashBeginProgram(area, 4096, new Uint8Array([8, 7, 7, 7]), (worked) => {
                log("a bit to set: " + worked);
                log(attempt(() => native.flashBeginErase(area, size, 4096, () => {})));
                native.exit(0);
              });
            }, 1);
          });
          log(attempt(() => native.flashBeginErase("state", 0, 4096, () => {})));`);
        assert.deepEqual(infos(await run(image, ["--flash-ms", "200"])), [
          "Error: flash: an operation is under way",
          "true,true,255",
          "7",
          "programmed true",
          "a bit to set: false",
          "RangeError: length is not between 0 and 0",
        ]);
      });
    });

    describe("HCI UART", () => {
      /** The answer to HCI Reset: what comes before it is dropped. */
      const answer = "040e0401030c00";
      /** Logs each packet but for that. */
      const logPacket = `(packet) => {
        if (packet.getUint8(1) !== 0x0e) log("packet " + packet.byteLength);
      }`;

      it("hands over whole packets as DataViews and gathers header and payload", async () => {
        const image = await build(`
          const header = new Uint8Array(16);
          native.hciOpen((packet) => {
            header[0] = 0x01;
            header[1] = packet.byteLength;
            const payload = new Uint8Array(packet.buffer);
            if (!(packet instanceof DataView) || packet.byteOffset !== 0) log("no packet");
            native.hciWrite(header, 2, payload, 1, packet.byteLength);
            if (packet.getUint8(0) === 4 && packet.getUint8(1) === 0xee) native.exit(0);
          }, () => {}, (reason) => log(reason));
          header.set([0xaa, 0xbb]);
          log(native.hciWrite(header, 2));`);
        const received: Buffer[] = [];
        const controller = await Controller.listen(bench.path("echo"), (socket) => {
          socket.on("data", (data) => received.push(data));
          socket.write(Buffer.from("040e0401030c000240", "hex"));
          setTimeout(() => socket.write(Buffer.from("200200beef04ee00", "hex")), 20);
        });
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.equal(result.status, 0);
        assert.deepEqual(infos(result), ["true"]);
        assert.equal(Buffer.concat(received).toString("hex"), "aabb01070e0401030c00010740200200beef0103ee00");
      });

      it("refuses packets while the line is full, calls onWritable, and loses nothing", async () => {
        const image = await build(`
          const packet = new Uint8Array(1000);
          let sent = 0, refused = 0;
          const fill = () => {
            while (sent < 3000) {
              packet[0] = sent;
              packet[999] = sent >> 8;
              if (!native.hciWrite(packet, 500, packet, 500)) { refused++; return; }
              sent++;
            }
            log(refused > 0);
          };
          native.hciOpen(() => native.exit(0), fill, (reason) => log(reason));
          fill();`);
        let total = 0;
        let wrong = 0;
        const controller = await Controller.listen(bench.path("full"), (socket) => {
          let at = 0;
          socket.pause();
          setTimeout(() => socket.resume(), 100);
          socket.on("data", (data) => {
            for (let i = 0; i < data.length; i++, at++) {
              const packet = Math.floor(at / 1000);
              if (at % 1000 === 0 && data[i] !== (packet & 0xff)) wrong++;
              if (at % 1000 === 999 && data[i] !== packet >> 8) wrong++;
            }
            total = at;
            if (total === 3_000_000) socket.write(Buffer.from(answer, "hex"));
          });
        });
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.equal(result.status, 0, result.lines.join("\n"));
        assert.deepEqual(infos(result), ["true"]);
        assert.deepEqual({ total, wrong }, { total: 3_000_000, wrong: 0 });
      });

      it("reports a desynchronised line and one that is gone, each once, and opens again", async () => {
        const image = await build(`
          let opened = 0;
          const open = () => {
            opened++;
            native.hciOpen(${logPacket}, () => {}, (reason) => {
              log(reason);
              log(native.hciWrite(new Uint8Array(4), 4));
              if (opened === 2) native.exit(0);
              open();
            });
          };
          open();`);
        let connections = 0;
        const controller = await Controller.listen(bench.path("lost"), (socket) => {
          if (++connections === 1) socket.write(Buffer.from(`${answer}04ff0155ff04ff0155`, "hex"));
          else socket.end(Buffer.from(`${answer}04ff0155`, "hex"));
        });
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.equal(result.status, 0, result.lines.join("\n"));
        assert.deepEqual(infos(result), ["packet 4", "desynchronised", "false", "packet 4", "gone", "false"]);
      });

      it("reports a packet that stays incomplete, and not one that comes in pieces", async () => {
        const image = await build(`
          let opened = 0;
          const open = () => {
            opened++;
            native.hciOpen(${logPacket}, () => {}, (reason) => {
              log(reason);
              if (opened === 2) native.exit(0);
              open();
            });
          };
          open();`);
        let connections = 0;
        const controller = await Controller.listen(bench.path("broken"), (socket) => {
          if (++connections === 1) {
            socket.write(Buffer.from(`${answer}04ff0155043e40`, "hex"));
          } else {
            socket.write(Buffer.from(`${answer}04ff`, "hex"));
            setTimeout(() => socket.write(Buffer.from("015502402010", "hex")), 20);
          }
        });
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.equal(result.status, 0, result.lines.join("\n"));
        assert.deepEqual(infos(result), ["packet 4", "incomplete packet", "packet 4", "incomplete packet"]);
      });

      it("reports ACL data past the limit as such, without its payload", async () => {
        const image = await build(`
          native.hciOpen(() => {}, () => {}, (reason) => {
            log(reason);
            native.exit(0);
          });`);
        const controller = await Controller.listen(bench.path("large"), (socket) =>
          socket.write(Buffer.from(`${answer}0240200104`, "hex")),
        );
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.equal(result.status, 0, result.lines.join("\n"));
        assert.deepEqual(infos(result), ["desynchronised"]);
      });

      it("lets onPacket close the line in the middle of what was received", async () => {
        const image = await build(`
          native.hciOpen((packet) => {
            if (packet.getUint8(1) === 0x0e) return;
            log("packet " + packet.byteLength);
            native.hciClose();
            native.timerSet(() => native.exit(0), 50);
          }, () => {}, log);`);
        const controller = await Controller.listen(bench.path("close"), (socket) =>
          socket.write(Buffer.from(`${answer}04ff015504ff0155`, "hex")),
        );
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.deepEqual(infos(result), ["packet 4"]);
      });

      it("drops what comes before the answer to HCI Reset, and says so where that never comes", async () => {
        const image = await build(`
          const again = () => native.hciOpen(() => log("never"), () => {}, (reason) => {
            log(reason);
            native.exit(0);
          });
          native.hciOpen((packet) => {
            log("packet " + packet.byteLength);
            if (packet.byteLength === 4) again();
          }, () => {}, log);`);
        let connections = 0;
        const controller = await Controller.listen(bench.path("seek"), (socket) => {
          if (++connections === 1) socket.write(Buffer.from(`0401ffff02040e${answer}04ff0155`, "hex"));
          else socket.end(Buffer.from("aabbcc", "hex"));
        });
        const result = await run(image, ["--hci", controller.option]);
        controller.close();
        assert.equal(result.status, 0, result.lines.join("\n"));
        assert.deepEqual(infos(result), ["packet 7", "packet 4", "gone"]);
        const warning = result.lines.find((line) => line.startsWith("warning: hci: "));
        assert.match(
          warning ?? "",
          /: 3 bytes came from the controller, none of them an answer to HCI Reset: /,
        );
      });

      it("says why there is none", async () => {
        const body = `log(attempt(() => native.hciOpen(() => {}, () => {}, () => {}))); native.exit(0);`;
        const without = await run(await build(body));
        assert.match(without.lines[0] ?? "", /start the firmware with --hci/);
        assert.match(infos(without)[0] ?? "", /^Error: hciOpen: /);
        const absent = await run(await build(body), ["--hci", `unix:${bench.path("absent")}`]);
        assert.match(absent.lines[0] ?? "", /^error: HCI UART: unix:.*: No such file or directory$/);
      });
    });

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
        image = await bench.image("host", host());
        base = bench.path("host.xsb");
      });

      async function start(source: string): Promise<string[]> {
        const application = bench.compile("application", "app", source, base);
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
        const good = readFileSync(bench.compile("application", "good", "1;", base));
        const file = bench.path("forged.xsb");
        const refusal = async (bytes: Buffer): Promise<string> => {
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
        const none = await run(image);
        assert.equal(infos(none)[0], "start Error: there is no application");
      });

      it("is fitted to another firmware of the same native interface", async () => {
        const source = `
          import { log } from "camera";
          class Reading { constructor(first, lonely) { this.first = first; this.lonely = lonely; } }
          const { first, lonely } = new Reading("borrowed name", "own name");
          log([first, lonely, shown, \`\${"template"} \${JSON.stringify({ lonely })}\`].join(" | "));`;
        const old = bench.compile(
          "firmware",
          "old",
          host("const first = { second: 1, first: 2 }; void first.first;"),
        );
        const application = bench.compile("application", "moved", source, old);
        assert.notDeepEqual(readFileSync(old).subarray(32, 40), readFileSync(base).subarray(32, 40));
        const result = await run(image, ["--app", application]);
        assert.deepEqual(infos(result), [
          'borrowed name | own name | global | template {"lonely":"own name"}',
          "start undefined",
        ]);
      });

      it("starts once", async () => {
        const twice = await bench.image(
          "twice",
          firmware(`
            native.applicationStart({}, {}, log);
            log(attempt(() => native.applicationStart({}, {}, log)));
            native.exit(0);`),
        );
        const application = bench.compile("application", "once", "1;", bench.path("twice.xsb"));
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
        assert.match(
          result.lines.join("\n"),
          /^fatal: JavaScript heap full: .*(?:\n +at .*)*\n +at main \(/m,
        );
      });

      it("says that the stack overflowed", async () => {
        const result = await run(await build(`const down = () => 1 + down(); down();`), [
          "--max-resets",
          "0",
        ]);
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
          const image = await bench.image(`failing-${images++}`, source);
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
        assert.equal((await run(image, ["--app", bench.path("absent")])).status, 1);
        assert.equal((await run(image, ["--help"])).status, 0);
      });
    });
  });
}
