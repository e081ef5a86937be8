/** Discovery against servers that break the rules: every answer is a list of bytes that no server of ours sends. */
import { ATTRIBUTES_MAX } from "../../firmware/ble/gatt/client/client.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { toHex } from "../support/bytes.ts";
import {
  BATTERY,
  collect,
  createScriptedServer,
  findBattery,
  findLevel,
  worksAgain,
} from "../support/scripted-server.ts";
import { describe, it } from "../support/suite.ts";

const NO_MORE = "01 08 00 00 0a";

describe("client, hostile servers: discovery", () => {
  const services: Readonly<Record<string, readonly string[]>> = {
    "begins again": ["11 06 01 00 05 00 00 18", "11 06 01 00 05 00 00 18"],
    "goes backwards in one list": ["11 06 10 00 15 00 00 18 01 00 05 00 01 18"],
    "has services that overlap": ["11 06 01 00 05 00 00 18 05 00 09 00 01 18"],
    "ends a service before it begins": ["11 06 05 00 01 00 00 18"],
    "has a handle 0": ["11 06 00 00 05 00 00 18"],
    "has entries of no length": ["11 00 01 00 05 00 00 18"],
    "has entries of one byte": ["11 01 01 02 03 04"],
    "has entries of another length than it says": ["11 06 01 00 05 00 00 18 00"],
    "has no entries": ["11 06"],
    "has nothing at all": ["11"],
  };
  for (const [what, answers] of Object.entries(services)) {
    it(`services: a list that ${what} is a ProtocolError`, async () => {
      const peer = await createScriptedServer();
      const all = collect(peer.connection.services());
      await peer.answer(all, ...answers);
      await rejects(all, { name: "ProtocolError", code: "protocol-error" });
      await worksAgain(peer);
    });
  }

  it("services: one behind another that ends at the last handle is named so", async () => {
    const peer = await createScriptedServer();
    const all = collect(peer.connection.services());
    await peer.answer(all, "11 06 01 00 ff ff 00 18 02 00 05 00 01 18");
    await rejects(all, {
      code: "protocol-error",
      message: /handle 2 after an entry that ends at 65535, the last handle/,
    });
    await worksAgain(peer);
  });

  it("services by UUID: handles that go backwards and entries that are cut are ProtocolErrors", async () => {
    for (const answers of [["07 05 00 01 00"], ["07 01 00"], ["07"], ["07 01 00 05 00 01 00 05 00"]]) {
      const peer = await createScriptedServer();
      const found = collect(peer.connection.services(BATTERY));
      await peer.answer(found, ...answers);
      await rejects(found, { code: "protocol-error" });
      await worksAgain(peer);
    }
  });

  const characteristics: Readonly<Record<string, readonly string[]>> = {
    "repeats itself": ["09 07 02 00 02 03 00 19 2a", "09 07 02 00 02 03 00 19 2a"],
    "lies below the service": ["09 07 01 00 02 02 00 19 2a"],
    "lies above the service": ["09 07 09 00 02 0a 00 19 2a"],
    "has its value before its declaration": ["09 07 03 00 02 02 00 19 2a"],
    "has its value behind the service": ["09 07 04 00 02 09 00 19 2a"],
    "has entries of no length": ["09 00 02 00 02 03 00 19 2a"],
    "is cut": ["09 07 02 00 02 03 00 19"],
    "is empty": ["09 07"],
  };
  for (const [what, answers] of Object.entries(characteristics)) {
    it(`characteristics: a list that ${what} is a ProtocolError`, async () => {
      const peer = await createScriptedServer();
      // A service so long that its end is asked for as the specification has it.
      const service = await findBattery(peer, what === "repeats itself" ? 40 : 8);
      const all = collect(service.characteristics());
      await peer.answer(all, ...answers);
      await rejects(all, { code: "protocol-error" });
      await worksAgain(peer);
    });
  }

  it("descriptors: bad formats, lists that are cut, handles that go backwards or lie outside are ProtocolErrors", async () => {
    for (const bad of [
      "05",
      "05 00 04 00 02 29",
      "05 03 04 00 02 29",
      "05 01",
      "05 01 04 00 02",
      "05 02 04 00 02 29",
      "05 01 03 00 02 29",
      "05 01 05 00 02 29",
      "05 01 04 00 02 29 04 00 02 29",
    ]) {
      const peer = await createScriptedServer();
      const level = await findLevel(peer);
      const all = collect(level.descriptors());
      deepEqual(await peer.answer(all, bad), ["04 04 00 04 00"]);
      await rejects(all, { code: "protocol-error" });
      await worksAgain(peer, level);
    }
  });

  it("included services: lists that are cut or go backwards are ProtocolErrors, so is a service without a UUID", async () => {
    for (const answers of [
      ["09 05 02 00 10 00 15"],
      ["09 08 02 00 15 00 10 00 0f 18"],
      ["09 08 01 00 10 00 15 00 0f 18"],
      ["09 08 02 00 00 00 15 00 0f 18"],
      ["09 06 02 00 10 00 15 00", "0b 01 02 03"],
    ]) {
      const peer = await createScriptedServer();
      const service = await findBattery(peer);
      const all = collect(service.includedServices());
      await peer.answer(all, ...answers);
      await rejects(all, { code: "protocol-error" });
      await worksAgain(peer);
    }
  });

  it("a declaration that one request shows and the other does not is no way to keep a client busy", async () => {
    const peer = await createScriptedServer();
    const service = await findBattery(peer, 6);
    const all = collect(service.characteristics());
    const requests = await peer.answer(
      all,
      "09 07 02 00 02 03 00 19 2a",
      "05 01 04 00 03 28 05 00 03 28 06 00 03 28",
      NO_MORE,
    );
    deepEqual(requests, ["08 02 00 06 00 03 28", "04 04 00 06 00", "08 04 00 06 00 03 28"]);
    const [level] = await all;
    const descriptors = collect(level!.descriptors());
    await peer.answer(descriptors, "05 01 04 00 03 28 05 00 03 28 06 00 03 28");
    equal((await descriptors).length, 3);
    await worksAgain(peer);
  });

  it("a server that describes attributes without end is given up at the limit, and the memory comes back", async () => {
    const peer = await createScriptedServer(517);
    const service = await findBattery(peer, 0xffff);
    const all = collect(service.characteristics());
    let failure: unknown;
    all.catch((error: unknown) => {
      failure = error;
    });
    let handle = 2;
    let requests = 0;
    while (!failure) {
      await peer.sent();
      ok(++requests < 20, "it goes on and on");
      let list = "09 07";
      for (let count = 0; count < 70; count++, handle += 2) {
        list += ` ${toHex(Uint8Array.of(handle & 0xff, handle >> 8, 2, (handle + 1) & 0xff, (handle + 1) >> 8, 1, 0xff))}`;
      }
      await peer.send(list);
    }
    await rejects(all, { code: "too-many-attributes" });
    await rejects(collect(service.characteristics()), { code: "too-many-attributes" });
    const client = peer.rig.aioble.counters().client!;
    ok(client.knownAttributes >= ATTRIBUTES_MAX && client.knownAttributes < ATTRIBUTES_MAX + 200);
    equal(peer.rig.log.filter(([, line]) => line.includes("describes more than the 512")).length, 1);
    // Looking again takes the place of what was known.
    await findBattery(peer, 0xffff);
    equal(peer.rig.aioble.counters().client!.knownAttributes, 1);
    await worksAgain(peer);
    await peer.rig.disconnect();
    equal(peer.rig.aioble.counters().client!.knownAttributes, 0);
  });
});
