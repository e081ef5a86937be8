/** The natives and the HCI UART on the host board, by small firmwares that run to their end. */
import assert from "node:assert/strict";
import { statSync, truncateSync } from "node:fs";
import { describe, it } from "mocha";
import { describeOnHost, infos } from "./host-firmware.ts";
import { Controller, run } from "./image.ts";

describeOnHost((scene) => {
  const { build, log } = scene;

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
        "TypeError: no flash area is called nowhere; this board has state, update, starts",
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
      assert.deepEqual(lines, ["0,0,0,0,0,5,6,7,8,9,10,0,0,0,0,0", "0,1,0,1,2,3,4,5,6,7,10,11,12,13,14,15"]);
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
      const state = scene.bench.path("state");
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
      assert.equal(statSync(state).size, 65536 + 532480 + 8192);
      const second = await run(image, ["--state", state]);
      assert.equal(infos(second)[0], `power-on ${programmed}`);
      // What a board had before it got its third area, and its second.
      truncateSync(state, 65536 + 532480);
      const before = await run(image, ["--state", state]);
      assert.equal(infos(before)[0], `power-on ${programmed}`);
      truncateSync(state, 65536);
      const third = await run(image, ["--state", state]);
      assert.equal(infos(third)[0], `power-on ${programmed}`);
      // And before that one grew.
      truncateSync(state, 65536 + 262144);
      const grown = await run(image, ["--state", state]);
      assert.equal(infos(grown)[0], `power-on ${programmed}`);
      assert.equal(statSync(state).size, 65536 + 532480 + 8192);
      truncateSync(state, 65535);
      const refusal = await run(image, ["--state", state]);
      assert.match(refusal.lines.join(), /not the flash of this board, which has 606208 bytes/);
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
      const controller = await Controller.listen(scene.bench.path("echo"), (socket) => {
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
            if (!native.hciWrite(packet, 500, packet, 500)) {
              if (++refused === 1) log("refused");
              return;
            }
            sent++;
          }
          log("sent");
        };
        native.hciOpen(() => native.exit(0), fill, (reason) => log(reason));
        fill();`);
      let total = 0;
      let wrong = 0;
      let resume = (): void => {};
      const controller = await Controller.listen(scene.bench.path("full"), (socket) => {
        let at = 0;
        socket.pause();
        resume = () => void socket.resume();
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
      // Nothing is read before the line is full, and the camera says so.
      const result = await run(image, ["--hci", controller.option], () => resume());
      controller.close();
      assert.equal(result.status, 0, result.lines.join("\n"));
      assert.deepEqual(infos(result), ["refused", "sent"]);
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
      const controller = await Controller.listen(scene.bench.path("lost"), (socket) => {
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
      const controller = await Controller.listen(scene.bench.path("broken"), (socket) => {
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
      const controller = await Controller.listen(scene.bench.path("large"), (socket) =>
        socket.write(Buffer.from(`${answer}0240200104`, "hex")),
      );
      const result = await run(image, ["--hci", controller.option]);
      controller.close();
      assert.equal(result.status, 0, result.lines.join("\n"));
      assert.deepEqual(infos(result), ["desynchronised"]);
    });

    it("hands over completed packets of one link as two numbers, of more as a packet", async () => {
      const image = await build(`
        native.hciOpen(${logPacket}, () => {}, log, (handle, count) => {
          log("completed " + handle + " " + count);
          if (handle === 1) native.exit(0);
        });`);
      const controller = await Controller.listen(scene.bench.path("completed"), (socket) =>
        socket.write(
          Buffer.from(
            `${answer}04130501ffff008004130902400001004100010004130501400001000413050101000000`,
            "hex",
          ),
        ),
      );
      const result = await run(image, ["--hci", controller.option]);
      controller.close();
      assert.deepEqual(infos(result), [
        "completed 4095 32768",
        "packet 12",
        "completed 64 1",
        "completed 1 0",
      ]);
    });

    it("hands over the success of a command that returns nothing as two numbers, other answers as packets", async () => {
      const image = await build(`
        native.hciOpen((packet) => log("packet " + packet.byteLength), () => {}, log, undefined, (opcode, credits) => {
          log("succeeded " + opcode + " " + credits);
          if (opcode === 1) native.exit(0);
        });`);
      const refused = "040e04014cfc12";
      const returns = "040e0501091000ff";
      const controller = await Controller.listen(scene.bench.path("succeeded"), (socket) =>
        socket.write(Buffer.from(`${answer}040e04024cfc00${refused}${returns}040e0401010000`, "hex")),
      );
      const result = await run(image, ["--hci", controller.option]);
      controller.close();
      assert.deepEqual(infos(result), [
        "succeeded 3075 1",
        "succeeded 64588 2",
        "packet 7",
        "packet 8",
        "succeeded 1 1",
      ]);
    });

    it("lets onPacket close the line in the middle of what was received", async () => {
      const image = await build(`
        native.hciOpen((packet) => {
          if (packet.getUint8(1) === 0x0e) return;
          log("packet " + packet.byteLength);
          native.hciClose();
          native.timerSet(() => native.exit(0), 50);
        }, () => {}, log);`);
      const controller = await Controller.listen(scene.bench.path("close"), (socket) =>
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
      const controller = await Controller.listen(scene.bench.path("seek"), (socket) => {
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
      const absent = await run(await build(body), ["--hci", `unix:${scene.bench.path("absent")}`]);
      assert.match(absent.lines[0] ?? "", /^error: HCI UART: unix:.*: No such file or directory$/);
    });
  });
});
