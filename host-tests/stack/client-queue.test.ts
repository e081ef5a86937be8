/** What a GATT client keeps: operations that wait for their turn, and values that a server sends by itself. */
import { OPERATIONS_MAX } from "../../firmware/ble/att/client-role.ts";
import { INBOX_SIZE } from "../../firmware/ble/gatt/client/client.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { fromHex, toHex } from "../support/bytes.ts";
import { BATTERY, createScriptedServer, findLevel, worksAgain } from "../support/scripted-server.ts";
import { describe, it } from "../support/suite.ts";

describe("client, hostile servers: values that it sends", () => {
  it("notifications of unknown handles are dropped and counted; indications are confirmed", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    await peer.send("1b 99 00 01", "1b 00 00", "1d 99 00 01", "23 99 00 01 00 aa 03 00 01 00 bb");
    deepEqual(await peer.sent(), ["1e"]);
    equal(peer.rig.aioble.counters().client!.unwantedValues, 5);
    await worksAgain(peer, level);
  });

  it("values that are cut are dropped and counted; an indication is confirmed all the same", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const next = level.notified();
    await peer.send("1b", "1b 03", "1d", "1d 03", "23", "23 03 00 05 00 aa", "23 03 00");
    deepEqual(await peer.sent(), ["1e", "1e"]);
    equal(peer.rig.aioble.counters().client!.unexpectedPdus, 7);
    await peer.send("23 03 00 01 00 aa 03 00 01");
    deepEqual(await next, fromHex("aa"), "what came whole counts");
    await worksAgain(peer, level);
  });

  it("a flood of notifications keeps the newest, counts the others, and stays within the link's share", async () => {
    const peerBytes = 29_491;
    const peer = await createScriptedServer(517, peerBytes);
    const level = await findLevel(peer);
    const first = level.notified();
    for (let count = 0; count < 200; count++) {
      await peer.send(`1b 03 00 ${toHex(new Uint8Array(500).fill(count))}`);
      ok(peer.rig.host.budget.held <= peerBytes);
    }
    equal((await first)[0], 0);
    const kept: number[] = [];
    for (let count = level.droppedValues; count < 199; count++) kept.push((await level.notified())[0]!);
    equal(kept.at(-1), 199);
    equal(kept[0], 200 - kept.length);
    ok(kept.length > 4 && kept.length <= INBOX_SIZE, `${kept.length}`);
    const { client, peers } = peer.rig.aioble.counters();
    equal(client?.droppedValues, level.droppedValues);
    equal(peers.held, 0);
    equal(peer.rig.log.filter(([, line]) => line.includes("faster than they are taken")).length, 1);
    await worksAgain(peer, level);
  });

  it("an unanswered subscription loses nothing, and its late answer goes nowhere", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const subscribing = level.subscribe({ timeoutMs: 500 });
    deepEqual(await peer.answer(subscribing, "05 01 04 00 02 29"), ["04 04 00 04 00", "12 04 00 01 00"]);
    await peer.send("1b 03 00 07");
    const isLate = rejects(subscribing, { code: "timeout" });
    await peer.rig.clock.advance(500);
    await isLate;
    await peer.send("13");
    deepEqual(await level.notified(), fromHex("07"));
    await worksAgain(peer, level);
  });
});

describe("client: one request at a time", () => {
  it("operations of several tasks are answered in the order in which they were asked for", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const all = Promise.all([
      level.read(),
      level.write("a", { response: true }),
      level.read(),
      peer.connection.service(BATTERY),
    ]);
    deepEqual(await peer.answer(all, "0b 01", "13", "0b 02", "07 01 00 04 00"), [
      "0a 03 00",
      "12 03 00 61",
      "0a 03 00",
      "06 01 00 ff ff 00 28 0f 18",
    ]);
    const [first, , second, service] = await all;
    deepEqual([first, second], [fromHex("01"), fromHex("02")]);
    ok(service?.uuid.equals(BATTERY));
  });

  it("an operation that timed out owns the bearer until its answer, which goes nowhere", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const late = level.read({ timeoutMs: 100 });
    const isLate = rejects(late, { code: "timeout" });
    await peer.rig.clock.advance(100);
    await isLate;
    const next = level.read({ timeoutMs: 20_000 });
    deepEqual(await peer.sent(), ["0a 03 00"], "only the first");
    await peer.rig.clock.advance(10_000);
    deepEqual(await peer.sent(), []);
    deepEqual(await peer.answer(next, "0b 01", "0b 02"), ["0a 03 00"]);
    deepEqual(await next, fromHex("02"));
    await worksAgain(peer, level);
  });

  it("an operation that ends before its turn is never sent", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const { AbortController } = createSignals(peer.rig.host.platform);
    const aborter = new AbortController();
    const first = level.read();
    const second = level.write("a", { response: true, signal: aborter.signal });
    const third = level.read();
    const isLeft = rejects(second, { message: "enough" });
    aborter.abort(new Error("enough"));
    await isLeft;
    deepEqual(await peer.answer(Promise.all([first, third]), "0b 01", "0b 02"), ["0a 03 00", "0a 03 00"]);
    deepEqual([await first, await third], [fromHex("01"), fromHex("02")]);
  });

  it("a long write that is given up in its middle is cleared before anything else is asked", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const writing = level.write(new Uint8Array(40), { timeoutMs: 100 });
    const isLate = rejects(writing, { code: "timeout" });
    await peer.rig.clock.advance(100);
    await isLate;
    const next = level.read({ timeoutMs: 5000 });
    const part = toHex(new Uint8Array(18));
    deepEqual(await peer.answer(next, `17 03 00 00 00 ${part}`, "19", "0b 05"), [
      `16 03 00 00 00 ${part}`,
      "18 00",
      "0a 03 00",
    ]);
    deepEqual(await next, fromHex("05"));
    await worksAgain(peer, level);
  });

  it("an end that a server gives by silence comes after 1 s without any answer, not of waiting for others", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const all = [level.read(), level.read(), level.read(), level.read()];
    for (let at = 0; at < 3; at++) {
      await peer.rig.clock.advance(900);
      await peer.send("0b 01");
    }
    deepEqual(await Promise.all(all.slice(0, 3)), [fromHex("01"), fromHex("01"), fromHex("01")]);
    const isLate = rejects(all[3]!, { code: "timeout" });
    await peer.rig.clock.advance(1000);
    await isLate;
  });

  it(`${OPERATIONS_MAX} operations may wait, the next is refused; they all end with the link`, async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const waiting = Array.from({ length: OPERATIONS_MAX }, () => level.read({ timeoutMs: 60_000 }));
    await rejects(level.read(), { code: "operation-queue-full" });
    ok(peer.rig.host.budget.held > 0);
    const ends = waiting.map((each) => rejects(each, { name: "DeviceDisconnectedError", reason: 0x13 }));
    await peer.rig.disconnect();
    await Promise.all(ends);
    equal(peer.rig.host.budget.held, 0);
    equal(peer.rig.clock.pending, 0);
    await rejects(level.read(), { name: "DeviceDisconnectedError" });
  });

  it("a peer that floods the link's share of the memory keeps nobody from asking it to stop", async () => {
    const peerBytes = 12_000;
    const peer = await createScriptedServer(517, peerBytes);
    const level = await findLevel(peer);
    const subscribing = level.subscribe({ queueSize: 1000 });
    await peer.answer(subscribing, "05 01 04 00 02 29", "13");
    for (let count = 0; count < 100; count++) await peer.send(`1b 03 00 ${toHex(new Uint8Array(500))}`);
    ok(level.droppedValues > 50);
    ok(peer.rig.host.budget.held <= peerBytes);
    const stopping = level.subscribe({ notify: false });
    deepEqual(await peer.answer(stopping, "13"), ["12 04 00 00 00"]);
    await stopping;
  });

  it("of two offers of an MTU at once the first holds, in both directions", async () => {
    const peer = await createScriptedServer();
    const both = [peer.connection.exchangeMtu({ mtu: 100 }), peer.connection.exchangeMtu({ mtu: 200 })];
    deepEqual(await peer.answer(Promise.all(both), "03 05 02"), ["02 64 00"]);
    deepEqual(await Promise.all(both), [100, 100]);
  });

  it("both sides may ask for the MTU at once; whoever asks again hears what was agreed", async () => {
    const peer = await createScriptedServer();
    const exchanging = peer.connection.exchangeMtu();
    deepEqual(await peer.sent(), ["02 05 02"]);
    await peer.send("02 f7 00");
    deepEqual(await peer.sent(), ["03 05 02"], "the same figure in the response");
    equal(peer.connection.mtu, 247);
    await peer.send("03 f7 00");
    equal(await exchanging, 247);
    equal(await peer.connection.exchangeMtu({ mtu: 100 }), 247);
    deepEqual(await peer.sent(), []);
  });

  it("a peer that does not know the exchange refuses it, and the MTU stays 23", async () => {
    const peer = await createScriptedServer();
    const exchanging = peer.connection.exchangeMtu({ mtu: 185 });
    deepEqual(await peer.answer(exchanging, "01 02 00 00 06"), ["02 b9 00"]);
    await rejects(exchanging, { code: "gatt-error", status: 6 });
    equal(peer.connection.mtu, 23);
    await rejects(peer.connection.exchangeMtu({ mtu: 22 }), { name: "RangeError" });
    await rejects(peer.connection.exchangeMtu({ mtu: 518 }), { name: "RangeError" });
  });
});

describe("client: discoveries that wait for their turn", () => {
  const COUNT = 30;
  const ANSWER_MS = 300;

  it("are not timed while the device answers those before them", async () => {
    const { connection, rig, send, sent } = await createScriptedServer();
    const all = Promise.all(Array.from({ length: COUNT }, () => connection.service(BATTERY)));
    for (let count = 0; count < COUNT; count++) {
      await rig.clock.advance(ANSWER_MS);
      equal((await sent()).length, 1);
      await send("07 01 00 04 00");
    }
    equal((await all).filter((service) => service?.uuid.equals(BATTERY)).length, COUNT);
    equal(rig.clock.pending, 0);
    equal(rig.host.budget.held, 0);
  });

  it("end 2 s after the device has answered last, and 2 s after their turn", async () => {
    const { connection, rig, send, sent } = await createScriptedServer();
    const outcomes: (string | number)[] = [];
    const startMs = rig.clock.now();
    for (let count = 0; count < 3; count++) {
      connection.service(BATTERY).then(
        () => outcomes.push("found"),
        ({ code }) => outcomes.push(code, rig.clock.now() - startMs),
      );
    }
    await rig.clock.advance(1500);
    await sent();
    await send("07 01 00 04 00");
    await rig.clock.advance(1999);
    deepEqual(outcomes, ["found"]);
    await rig.clock.advance(1);
    deepEqual(outcomes, ["found", "timeout", 3500, "timeout", 3500]);
    await send("07 01 00 04 00");
    equal(rig.clock.pending, 0);
  });

  it("have all of their time for the steps of a loop, and a deadline of the caller's is one", async () => {
    const { connection, rig, send, sent } = await createScriptedServer();
    const before = [connection.service(BATTERY), connection.service(BATTERY)];
    const loop = connection.services();
    const first = loop.next();
    const strict = rejects(connection.service(BATTERY, { timeoutMs: 2000 }), { code: "timeout" });
    for (let count = 0; count < 2; count++) {
      await rig.clock.advance(1500);
      await sent();
      await send("07 01 00 04 00");
    }
    await strict;
    await Promise.all(before);
    await rig.clock.advance(900);
    await send("11 06 01 00 04 00 0f 18");
    equal((await first).value?.uuid.equals(BATTERY), true);
    let isOver = false;
    const second = loop.next().finally(() => {
      isOver = true;
    });
    const ends = rejects(second, { code: "timeout" });
    await rig.clock.advance(1099);
    equal(isOver, false);
    await rig.clock.advance(1);
    await ends;
  });
});
