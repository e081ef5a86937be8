/** The GATT client against servers whose responses break the rules. */
import type { ClientCharacteristic } from "../../firmware/aioble/client-characteristic.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import {
  BATTERY,
  collect,
  createScriptedServer,
  findLevel,
  type ScriptedServer,
  worksAgain,
} from "../support/scripted-server.ts";
import { describe, it } from "../support/suite.ts";

describe("client, hostile servers: responses", () => {
  it("a response of another kind ends the operation at once; the bearer waits for the right one", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const reading = level.read();
    deepEqual(await peer.answer(reading, "13"), ["0a 03 00"]);
    await rejects(reading, { code: "protocol-error", message: /response 0x13 to request 0xa\b/ });
    const next = level.read();
    deepEqual(await peer.answer(next, "0f 01"), [], "nothing is asked while the first is unanswered");
    deepEqual(await peer.answer(next, "0b 01", "0b 02"), ["0a 03 00"]);
    deepEqual(await next, fromHex("02"), "the late answer went nowhere");
    await worksAgain(peer, level);
    equal(peer.rig.aioble.counters().client!.unexpectedPdus, 2);
  });

  it("when the right one does not come in 30 s, the link ends", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const reading = level.read();
    await peer.answer(reading, "01 12 03 00 03");
    await rejects(reading, { code: "protocol-error" });
    const next = level.read({ timeoutMs: 60_000 });
    const isLost = rejects(next, { name: "DeviceDisconnectedError" });
    await peer.rig.clock.advance(29_999);
    ok(!peer.gatt.bearer.timedOut);
    await peer.rig.clock.advance(1);
    ok(peer.gatt.bearer.timedOut);
    await peer.rig.disconnect();
    await isLost;
    equal(peer.rig.clock.pending, 0);
  });

  it("responses to no request are dropped and counted, with one line in the log", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    for (const pdu of [
      "01 0a 03 00 02",
      "03 ff 01",
      "05 01 04 00 02 29",
      "0b 01",
      "13",
      "17 01",
      "19",
      "21",
    ]) {
      await peer.send(pdu);
    }
    deepEqual(await peer.sent(), []);
    equal(peer.rig.aioble.counters().client!.unexpectedPdus, 8);
    equal(peer.rig.log.filter(([, line]) => line.includes("to no request")).length, 1);
    await worksAgain(peer, level);
  });

  it("an Error Response that is cut, or has no error, is a ProtocolError", async () => {
    for (const answer of ["01 0a", "01 0a 03", "01 0a 03 00", "01 0a 03 00 00", "01 0a 03 00 02 00"]) {
      const peer = await createScriptedServer();
      const level = await findLevel(peer);
      const reading = level.read();
      await peer.answer(reading, answer);
      await rejects(reading, { code: "protocol-error" });
      await worksAgain(peer, level);
    }
  });

  it("a response above ATT_MTU is a ProtocolError", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const reading = level.read();
    await peer.answer(reading, `0b ${toHex(new Uint8Array(30))}`);
    await rejects(reading, { code: "protocol-error", message: /longer than ATT_MTU/ });
    await worksAgain(peer, level);
  });

  it("a value without an end is a ProtocolError after 512 bytes", async () => {
    const peer = await createScriptedServer(247);
    const level = await findLevel(peer);
    const reading = level.read();
    const part = toHex(new Uint8Array(246));
    deepEqual(await peer.answer(reading, `0b ${part}`, `0d ${part}`, `0d ${part}`), [
      "0a 03 00",
      "0c 03 00 f6 00",
      "0c 03 00 ec 01",
    ]);
    await rejects(reading, { code: "protocol-error", message: /more than 512 bytes/ });
    await worksAgain(peer, level);
  });

  it("a part that is repeated otherwise than it was sent clears what the server kept", async () => {
    for (const echo of ["17 03 00 00 00 00", "17 04 00 00 00", "17", "17 03 00 01 00", "17 03 00 00 00"]) {
      const peer = await createScriptedServer();
      const level = await findLevel(peer);
      const writing = level.write(new Uint8Array(30));
      const part = toHex(new Uint8Array(18));
      const tail = echo.length > 10 && echo.startsWith("17 03 00 01") ? ` ${part}` : "";
      deepEqual(await peer.answer(writing, `${echo}${tail}`, "19"), [`16 03 00 00 00 ${part}`, "18 00"]);
      await rejects(writing, { code: "protocol-error" });
      await worksAgain(peer, level);
    }
  });

  it("an MTU that is cut is a ProtocolError, one below 23 counts as 23", async () => {
    const peer = await createScriptedServer();
    const cut = peer.connection.exchangeMtu();
    deepEqual(await peer.answer(cut, "03 f7"), ["02 05 02"]);
    await rejects(cut, { code: "protocol-error" });
    const small = peer.connection.exchangeMtu();
    await peer.answer(small, "03 01 00");
    equal(await small, 23);
    equal(peer.connection.mtu, 23);
  });

  it("read multiple: values of other lengths, and more than were asked for, are ProtocolErrors", async () => {
    for (const [answer, lengths] of [
      ["0f 01 02 03", [1, 1]],
      ["0f", [1, 1]],
      ["21 01 00 aa 01 00 bb 01 00 cc", undefined],
      ["21 ff ff aa", undefined],
    ] as const) {
      const peer = await createScriptedServer();
      const level = await findLevel(peer);
      const reading = peer.connection.readMultiple(
        [level, level],
        lengths ? { lengths } : { variable: true },
      );
      await peer.answer(reading, answer);
      await rejects(reading, { code: "protocol-error" });
      await worksAgain(peer, level);
    }
  });

  it("read multiple: a peer that does not say that it knows Read Multiple Variable is asked for each value", async () => {
    for (const [features, requests] of [
      ["01 08 01 00 0a", ["0a 03 00", "0a 03 00"]],
      ["09 03 05 00 00", ["0a 03 00", "0a 03 00"]],
      ["09 03 05 00 01", ["20 03 00 03 00"]],
    ] as const) {
      const peer = await createScriptedServer();
      const level = await findLevel(peer);
      const reading = peer.connection.readMultiple([level, level]);
      const answers = requests.length === 1 ? ["21 01 00 aa 01 00 aa"] : ["0b aa", "0b aa"];
      deepEqual(await peer.answer(reading, features, ...answers), ["08 01 00 ff ff 3a 2b", ...requests]);
      deepEqual(await reading, [fromHex("aa"), fromHex("aa")]);
      const again = peer.connection.readMultiple([level, level]);
      deepEqual(await peer.answer(again, ...answers), [...requests], "it is asked once on a link");
    }
  });

  it("no answer that is cut anywhere does harm: an error, or what there is", async () => {
    const whole: Readonly<
      Record<string, (peer: ScriptedServer, level: ClientCharacteristic) => Promise<unknown>>
    > = {
      "11 06 01 00 05 00 00 18": ({ connection }) => collect(connection.services()),
      "07 01 00 05 00": ({ connection }) => collect(connection.services(BATTERY)),
      "05 01 04 00 02 29": (_, level) => collect(level.descriptors()),
      "0b 01 02": (_, level) => level.read(),
      "13": (_, level) => level.write("x"),
      "17 03 00 00 00 78": (_, level) => level.write("x", { reliable: true }),
      "21 01 00 aa 01 00 bb": ({ connection }, level) =>
        connection.readMultiple([level, level], { variable: true }),
      "0f 01 02": ({ connection }, level) => connection.readMultiple([level, level], { lengths: [1, 1] }),
      "03 f7 00": ({ connection }) => connection.exchangeMtu(),
    };
    for (const [text, work] of Object.entries(whole)) {
      const bytes = fromHex(text);
      for (let length = 1; length <= bytes.length; length++) {
        const peer = await createScriptedServer();
        const level = await findLevel(peer);
        const done = work(peer, level).then(
          () => "done",
          (error: { code?: string }) => error.code,
        );
        await peer.answer(done, toHex(bytes.subarray(0, length)));
        // Whatever it asks next is refused.
        for (let requests = await peer.sent(), turn = 0; turn < 4; turn++) {
          const opcode = requests.at(-1)?.slice(0, 2);
          if (opcode) await peer.send(`01 ${opcode} 03 00 0a`);
          requests = await peer.sent();
        }
        await peer.rig.clock.advance(3000);
        ok(["done", "protocol-error", "gatt-error", "timeout"].includes((await done)!), `${text} ${length}`);
      }
    }
  });
});
