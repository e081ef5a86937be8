import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type ParameterUpdate,
  requestParameterUpdate,
  serveParameterUpdates,
} from "../../../../firmware/ble/l2cap/parameter-update.ts";
import { OPEN_REQUESTS_MAX } from "../../../../firmware/ble/l2cap/signal-requests.ts";
import { Signaling } from "../../../../firmware/ble/l2cap/signaling.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { fromHex, shiftedView, toHex } from "../../../support/bytes.ts";

/** Where the channel has its headers. */
const HEADER = { header: new DataView(new ArrayBuffer(20)), headerOffset: 9 };

function setUp() {
  const sent: string[] = [];
  const clock = new VirtualClock();
  const channel = {
    ...HEADER,
    receiver: undefined,
    send: (_: number, bytes: Uint8Array) => sent.push(toHex(bytes)) > 0,
  };
  const signaling = new Signaling(channel, clock);
  const receive = (hex: string): string[] => {
    const frame = fromHex(hex);
    signaling.receive(shiftedView(frame), 0, frame.length);
    return sent.splice(0);
  };
  return { signaling, clock, sent, receive };
}

const WANTED: ParameterUpdate = { intervalMin: 24, intervalMax: 40, latency: 4, timeout: 500 };

describe("Connection Parameter Update over signalling (Vol 3, Part A, 4.20 and 4.21)", () => {
  it("a peripheral asks, and hears whether the central accepts", () => {
    for (const [answer, outcome] of [
      ["13 01 02 00 00 00", "accepted"],
      ["13 01 02 00 01 00", "refused"],
      ["13 01 01 00 00", "refused"],
      ["01 01 02 00 00 00", "unsupported"],
    ] as const) {
      const { clock, receive, sent, signaling } = setUp();
      const outcomes: string[] = [];
      assert.ok(requestParameterUpdate(signaling, WANTED, (value) => outcomes.push(value)));
      assert.deepEqual(sent.splice(0), ["12 01 08 00 18 00 28 00 04 00 f4 01"]);
      receive(answer);
      receive(answer);
      assert.deepEqual(outcomes, [outcome], answer);
      assert.equal(clock.pending, 0);
    }
  });

  it("a request that nobody answers ends with its time, or with the link", async () => {
    const { clock, signaling } = setUp();
    const outcomes: string[] = [];
    requestParameterUpdate(signaling, WANTED, (value) => outcomes.push(value));
    await clock.advance(30_000);
    requestParameterUpdate(signaling, WANTED, (value) => outcomes.push(value));
    signaling.close();
    assert.deepEqual(outcomes, ["timeout", "closed"]);
  });

  it("says when too many requests are open", () => {
    const { signaling } = setUp();
    for (let count = 0; count < OPEN_REQUESTS_MAX; count++)
      assert.ok(requestParameterUpdate(signaling, WANTED, () => {}));
    assert.equal(
      requestParameterUpdate(signaling, WANTED, () => {}),
      false,
    );
  });

  it("a central accepts or refuses what its peripheral asks for", () => {
    const { receive, signaling } = setUp();
    const asked: ParameterUpdate[] = [];
    serveParameterUpdates(signaling, (update) => asked.push(update) === 1);
    assert.deepEqual(receive("12 2a 08 00 18 00 28 00 04 00 f4 01"), ["13 2a 02 00 00 00"]);
    assert.deepEqual(receive("12 2b 08 00 18 00 28 00 04 00 f4 01"), ["13 2b 02 00 01 00"]);
    assert.deepEqual(asked, [WANTED, WANTED]);
  });

  it("refuses unasked what the link layer does not allow, and a wrong length", () => {
    const { receive, signaling } = setUp();
    serveParameterUpdates(signaling, () => assert.fail("asked"));
    for (const data of [
      "05 00 28 00 00 00 f4 01", // interval below 7.5 ms
      "29 00 28 00 00 00 f4 01", // minimum above maximum
      "18 00 81 0c 00 00 80 0c", // interval above 4 s
      "18 00 28 00 f4 01 80 0c", // latency above 499
      "18 00 28 00 00 00 09 00", // timeout below 100 ms
      "18 00 28 00 00 00 81 0c", // timeout above 32 s
      "18 00 28 00 09 00 64 00", // 10 intervals of 50 ms, twice, are no less than 1 s
    ]) {
      assert.deepEqual(receive(`12 2a 08 00 ${data}`), ["13 2a 02 00 01 00"], data);
    }
    assert.deepEqual(receive("12 2a 06 00 18 00 28 00 00 00"), ["13 2a 02 00 01 00"]);
  });
});
