/** A link of the phone of `obscura phone`, to peers that break the rules or go away. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HostLink } from "../../../tools/phone/host-link.ts";
import { fromHex } from "../../support/bytes.ts";
import { createScriptedServer } from "../../support/scripted-server.ts";

/** A link to a peer whose answers the test writes down. */
async function meet() {
  const peer = await createScriptedServer();
  const { host } = peer.rig;
  const { link: connection } = peer.connection;
  const link = new HostLink(host, connection);
  host.observe({ onDisconnected: () => link.ended(connection.disconnectReason!) });
  return { peer, link };
}

describe("obscura phone: peers that break the rules", () => {
  it("a request that is never answered ends in a sentence, and the link with it", async () => {
    const { link, peer } = await meet();
    const reading = assert.rejects(link.read(3), {
      name: "PhoneError",
      message: "the camera left a request unanswered for 30 s, and the link ends",
    });
    const ended = link.disconnected();
    await peer.rig.clock.advance(30_000);
    await reading;
    await peer.rig.disconnect(undefined, 0x16);
    assert.equal(await ended, 0x16);
    await assert.rejects(link.read(3), {
      name: "PhoneError",
      message: "the link ended with reason 0x16",
      code: 0x16,
    });
    assert.equal(peer.rig.clock.pending, 0);
  });

  for (const [what, work, answers, message] of [
    ["another response", (link: HostLink) => link.read(3), ["13"], /response 0x13 to request 0xa/],
    [
      "a list that goes back",
      (link: HostLink) => link.discover(),
      ["11 06 05 00 09 00 00 18 01 00 04 00 01 18"],
      /handle 1 where/,
    ],
    ["a list of no services", (link: HostLink) => link.discover(), ["11 06"], /a list of 0 bytes/],
    [
      "a refusal",
      (link: HostLink) => link.write(3, fromHex("01")),
      ["01 12 03 00 80"],
      /refused request 0x12 on handle 3: error 0x80/,
    ],
  ] as const)
    it(`${what} is a PhoneError`, async () => {
      const { link, peer } = await meet();
      const working = work(link);
      const isRefused = assert.rejects(working, (error: Error) => {
        assert.match(error.name, /^(PhoneError|AttErrorResponse)$/);
        assert.match(error.message, message);
        return true;
      });
      await peer.answer(working, ...answers);
      await isRefused;
    });

  it("everything that waits ends with the link, and leaves no timer", async () => {
    const { link, peer } = await meet();
    const ended = { name: "PhoneError", message: "the link ended with reason 0x8", code: 8 };
    peer.rig.controller.autoComplete = false;
    const waits = [
      link.read(3),
      link.write(3, fromHex("01")),
      link.writeWithoutResponse(3, fromHex("01")),
      link.exchangeMtu(100),
      link.nextValue(60_000),
      link.pair({}),
    ].map((wait) => assert.rejects(wait, ended));
    const reason = link.disconnected(60_000);
    await peer.rig.disconnect(undefined, 8);
    await Promise.all(waits);
    assert.equal(await reason, 8);
    assert.equal(peer.rig.clock.pending, 0);
    for (const late of [link.nextValue(1000), link.pair({}), link.writeWithoutResponse(3, fromHex("01"))])
      await assert.rejects(late, ended);
    assert.equal(await link.disconnect(), 8);
  });
});
