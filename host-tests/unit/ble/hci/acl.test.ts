import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { encode } from "../../../../firmware/ble/codec.ts";
import { L2CAP_OFFSET } from "../../../../firmware/ble/hci/acl.ts";
import { numberOfCompletedPackets } from "../../../../firmware/ble/hci/events.ts";
import { counting, fromHex, le16, shiftedView, toHex } from "../../../support/bytes.ts";
import { takeFrames } from "../../../support/rig.ts";
import { completedPackets } from "../../../support/scripted-controller.ts";
import { complete, handles, send, setUp } from "./acl-scene.ts";

describe("Acl: packets (Vol 4, Part E, 5.4.2)", () => {
  it("a frame that fits goes out at once, header and payload gathered", () => {
    const { acl, controller } = setUp(27, 2);
    const link = acl.open(0x0efe);
    assert.equal(send(acl, link, fromHex("1b 0c 00 34 08"), 3), true);
    assert.deepEqual(controller.take(), ["02 fe 0e 09 00 05 00 04 00 1b 0c 00 34 08"]);
  });

  for (const packetLength of [27, 251]) {
    it(`packets of ${packetLength} bytes: every frame around a border arrives whole, flags first then continuing`, () => {
      for (const length of [
        0,
        1,
        packetLength - 5,
        packetLength - 4,
        packetLength - 3,
        2 * packetLength - 4,
        517,
      ]) {
        for (const inHeader of [0, Math.min(3, length)]) {
          const { acl, controller } = setUp(packetLength, 64);
          const link = acl.open(0x40);
          const payload = counting(length, 0x80);
          send(acl, link, payload, inHeader);
          const packets = [...controller.sent];
          assert.equal(packets.length, Math.ceil((length + 4) / packetLength));
          for (const [index, packet] of packets.entries()) {
            assert.equal(packet[2]! >> 4, index === 0 ? 0b0000 : 0b0001, "boundary flag");
            assert.ok(packet.length - 5 <= packetLength);
            assert.deepEqual([packet[3], packet[4]], le16(packet.length - 5));
          }
          const frames = takeFrames(controller, 0x40);
          assert.equal(frames.length, 1);
          assert.equal(
            toHex(frames[0]!.payload),
            toHex(payload),
            `${length} bytes, ${inHeader} in the header`,
          );
        }
      }
    });
  }

  it("a copy waits: the caller may change its bytes and send something else meanwhile", () => {
    const { acl, controller } = setUp(27, 1);
    const link = acl.open(0x40);
    const payload = counting(40);
    assert.equal(send(acl, link, payload, 3), false);
    payload.fill(0xee);
    assert.equal(send(acl, link, fromHex("0b ff"), 1), false);
    for (let turn = 0; turn < 3; turn++) complete(acl, [0x40, 1]);
    const frames = takeFrames(controller, 0x40);
    assert.deepEqual(
      frames.map((frame) => toHex(frame.payload)),
      [toHex(counting(40)), "0b ff"],
    );
  });

  it("a PDU that waits may be longer or shorter than one that has left, whose memory it uses", () => {
    const { acl, controller } = setUp(251, 1);
    const link = acl.open(0x40);
    const lengths = [1, 20, 20, 3, 200, 100, 247, 0, 100, 600, 20, 251, 252, 5];
    const sent: Uint8Array[] = [];
    for (const [index, length] of lengths.entries()) {
      // Now one waits, now two, now none.
      for (let each = 0; each <= index % 3; each++) {
        const payload = counting(length + each, index * 16);
        sent.push(payload);
        send(acl, link, payload, 0);
      }
      while (link.inController > 0) complete(acl, [0x40, 1]);
    }
    assert.deepEqual(
      takeFrames(controller, 0x40).map(({ payload }) => toHex(payload)),
      sent.map(toHex),
    );
  });

  it("takes a range of the payload", () => {
    for (const buffers of [1, 4]) {
      const { acl, controller } = setUp(27, buffers);
      const link = acl.open(0x40);
      const view = acl.headerView;
      view.setUint16(L2CAP_OFFSET, 30, true);
      view.setUint16(L2CAP_OFFSET + 2, 0x0004, true);
      acl.send(link, 4, counting(100), 10, 40);
      complete(acl, [0x40, 1]);
      assert.equal(toHex(takeFrames(controller, 0x40)[0]!.payload), toHex(counting(30, 10)));
    }
  });
});

describe("Acl: credits (Vol 4, Part E, 4.1.1)", () => {
  it("never has more packets in the controller than it holds", () => {
    const { acl, controller } = setUp(27, 3);
    const link = acl.open(0x40);
    for (let n = 0; n < 8; n++) assert.equal(send(acl, link, counting(4, n)), n < 3, `frame ${n}`);
    assert.equal(controller.sent.length, 3);
    complete(acl, [0x40, 1]);
    assert.equal(controller.sent.length, 4);
    complete(acl, [0x40, 2]);
    assert.equal(controller.sent.length, 6);
    complete(acl, [0x40, 3]);
    const frames = takeFrames(controller, 0x40);
    assert.deepEqual(
      frames.map((frame) => frame.payload[0]),
      [0, 1, 2, 3, 4, 5, 6, 7],
      "in order",
    );
  });

  it("a short frame does not overtake a long one that waits for credits", () => {
    const { acl, controller } = setUp(27, 2);
    const link = acl.open(0x40);
    send(acl, link, counting(80));
    send(acl, link, fromHex("aa"));
    complete(acl, [0x40, 1]);
    complete(acl, [0x40, 1]);
    complete(acl, [0x40, 1]);
    assert.deepEqual(
      takeFrames(controller, 0x40).map((frame) => frame.payload.length),
      [80, 1],
    );
  });

  it("handles of the flag bits set, and several handles in one event", () => {
    const { acl, controller } = setUp(27, 4);
    const a = acl.open(1);
    const b = acl.open(2);
    for (let n = 0; n < 3; n++) {
      send(acl, a, fromHex("aa"));
      send(acl, b, fromHex("bb"));
    }
    controller.sent.length = 0;
    complete(acl, [0x2001, 1], [2, 1]);
    assert.deepEqual(handles(controller).sort(), [1, 2]);
  });

  it("a count above what was sent, an unknown handle and a count of zero change nothing", () => {
    const { acl, controller, log } = setUp(27, 2);
    const link = acl.open(0x40);
    send(acl, link, fromHex("01"));
    complete(acl, [0x40, 500], [0x99, 7], [0x40, 0]);
    assert.equal(log.length, 1);
    for (let n = 0; n < 6; n++) send(acl, link, fromHex("02"));
    assert.equal(controller.sent.length, 1 + 2, "two credits, not five hundred");
  });

  it("logs a count above what was sent once for each link, however often the controller sends it", () => {
    const { acl, log } = setUp(27, 2);
    for (const handle of [0x40, 0x41]) acl.open(handle);
    for (let n = 0; n < 100; n++) complete(acl, [0x40, 0xffff], [0x41, 1]);
    assert.equal(log.length, 2, log.join());
  });

  it("reads what is there of a Number Of Completed Packets that is cut short, at every length", () => {
    const whole = completedPackets([0x40, 1], [0x41, 1]);
    for (let length = 3; length <= whole.length; length++) {
      const { acl } = setUp(27, 8);
      const links = [acl.open(0x40), acl.open(0x41)];
      for (const link of links) send(acl, link, fromHex("01"));
      acl.completed(shiftedView(whole.subarray(0, length)));
      assert.deepEqual(
        links.map((link) => link.inController),
        [length < 8 ? 1 : 0, length < 12 ? 1 : 0],
        `length ${length}`,
      );
    }
  });

  it("agrees with the declared event on the same bytes (hot path)", () => {
    const handlesAndCounts = Uint8Array.from([...le16(0x40), ...le16(2), ...le16(0x41), ...le16(1)]);
    const body = encode(numberOfCompletedPackets.fields, { numHandles: 2, handlesAndCounts });
    assert.equal(
      toHex(completedPackets([0x40, 2], [0x41, 1])),
      toHex(Uint8Array.from([4, 0x13, body.length, ...body])),
    );
  });
});

describe("Acl: several links", () => {
  it("a link out of range leaves a buffer for each of the others", () => {
    const { acl, controller } = setUp(27, 4);
    const [a, b, c] = [acl.open(1), acl.open(2), acl.open(3)];
    for (let n = 0; n < 8; n++) send(acl, a, fromHex("aa"));
    assert.deepEqual(handles(controller), [1, 1]);
    assert.equal(send(acl, b, fromHex("bb")), true);
    assert.equal(send(acl, c, fromHex("cc")), true);
  });

  for (const [buffers, near] of [
    [4, 1],
    [8, 1],
    [12, 1],
    [16, 2],
  ] as const) {
    it(`two links out of range leave each of two others ${near} of ${buffers} buffers, whoever comes first`, () => {
      for (const silent of [
        [1, 2],
        [3, 4],
        [1, 4],
      ]) {
        const { acl, controller } = setUp(27, buffers);
        const links = [acl.open(1), acl.open(2), acl.open(3), acl.open(4)];
        for (let n = 0; n < 30; n++) {
          for (const link of links) if (silent.includes(link.handle)) send(acl, link, fromHex("aa"));
        }
        handles(controller);
        for (let n = 0; n < 10; n++) {
          for (const link of links) {
            if (silent.includes(link.handle)) continue;
            for (let packet = 0; packet < near; packet++)
              assert.equal(send(acl, link, fromHex("bb")), true, `${n}`);
          }
          for (const handle of handles(controller)) {
            if (!silent.includes(handle)) complete(acl, [handle, 1]);
          }
        }
        const held = links.reduce((sum, { inController }) => sum + inController, 0);
        assert.ok(held <= buffers - 2 * near, `${held}`);
      }
    });
  }

  for (const buffers of [4, 8, 12, 16]) {
    it(`three links that come one after the other and go out of range leave the first one of ${buffers} buffers`, () => {
      const { acl, controller } = setUp(27, buffers);
      acl.places = 4;
      const near = acl.open(1);
      const flow = (): void => {
        assert.equal(send(acl, near, fromHex("bb")), true);
        for (const handle of handles(controller)) if (handle === 1) complete(acl, [1, 1]);
      };
      for (const handle of [2, 3, 4]) {
        const far = acl.open(handle);
        for (let n = 0; n < 30; n++) {
          send(acl, far, fromHex("aa"));
          flow();
        }
      }
    });
  }

  for (const buffers of [4, 8, 12, 16]) {
    it(`two links that come before the others and go out of range leave two of them some of ${buffers} buffers`, () => {
      const { acl, controller } = setUp(27, buffers);
      acl.places = 4;
      for (const handle of [1, 2]) {
        const far = acl.open(handle);
        for (let n = 0; n < 30; n++) send(acl, far, fromHex("aa"));
      }
      handles(controller);
      for (const count of [1, 2]) {
        const near = Array.from({ length: count }, (_, index) => acl.open(3 + index));
        for (let n = 0; n < 20; n++) {
          for (const link of near) send(acl, link, fromHex("bb"));
          const sent = handles(controller);
          assert.ok(sent.length > 0);
          for (const handle of sent) complete(acl, [handle, 1]);
          // A near link that found the one buffer taken has its turn now.
          for (const handle of handles(controller)) complete(acl, [handle, 1]);
          assert.deepEqual(
            near.map(({ queued, inController }) => queued + inController),
            new Array(count).fill(0),
          );
        }
      }
    });
  }

  for (const [buffers, most] of [
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [8, 5],
    [16, 13],
  ] as const) {
    it(`a link alone has ${most} of ${buffers} buffers while three others may come, and all when none may`, () => {
      const { acl } = setUp(27, buffers);
      acl.places = 4;
      const link = acl.open(1);
      for (let n = 0; n < 20; n++) send(acl, link, fromHex("aa"));
      assert.equal(link.inController, most);
      acl.places = 1;
      complete(acl, [1, 0]);
      assert.equal(link.inController, buffers);
    });
  }

  it("a link alone has all buffers, and two have them all when both have much to send", () => {
    const { acl } = setUp(27, 8);
    const a = acl.open(1);
    for (let n = 0; n < 20; n++) send(acl, a, fromHex("aa"));
    assert.equal(a.inController, 8);
    complete(acl, [1, 8]);
    const b = acl.open(2);
    for (let n = 0; n < 20; n++) send(acl, b, fromHex("bb"));
    complete(acl, [1, 8], [2, b.inController]);
    assert.equal(a.inController + b.inController, 8);
    assert.ok(a.inController >= 2 && b.inController >= 2);
  });

  for (const buffers of [1, 2, 4]) {
    it(`takes turns with ${buffers} buffers: no link starves while another has much to say`, () => {
      const { acl, controller } = setUp(27, buffers);
      const links = [acl.open(1), acl.open(2), acl.open(3)];
      for (let n = 0; n < 20; n++) for (const link of links) send(acl, link, fromHex("01"));
      const order: number[] = [];
      for (let turn = 0; turn < 30; turn++) {
        const sent = handles(controller);
        order.push(...sent);
        for (const handle of sent) complete(acl, [handle, 1]);
      }
      for (const handle of [1, 2, 3]) {
        const share = order.slice(0, 30).filter((other) => other === handle).length;
        assert.ok(share >= 7, `link ${handle} got ${share} of the first 30 packets: ${order.slice(0, 30)}`);
      }
    });
  }

  it("the fragments of two links interleave without mixing their frames", () => {
    const { acl, controller } = setUp(27, 2);
    const links = [acl.open(1), acl.open(2)];
    for (const [at, link] of links.entries()) send(acl, link, counting(100, at * 100), 3);
    for (let turn = 0; turn < 10; turn++) complete(acl, [1, 1], [2, 1]);
    const sent = [...controller.sent];
    for (const [at, handle] of [1, 2].entries()) {
      controller.sent.length = 0;
      controller.sent.push(...sent);
      assert.equal(toHex(takeFrames(controller, handle)[0]!.payload), toHex(counting(100, at * 100)));
    }
  });
});
