import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type AclLink, QUEUE_LIMIT } from "../../../../firmware/ble/hci/acl.ts";
import { counting, fromHex, shiftedView, toHex } from "../../../support/bytes.ts";
import { takeFrames } from "../../../support/rig.ts";
import { complete, handles, send, setUp } from "./acl-scene.ts";

describe("Acl: the end of a link (Vol 4, Part E, 4.3)", () => {
  it("a link that has ended keeps none of those that come after it", () => {
    const { acl } = setUp(27, 2);
    const ended = acl.open(1);
    const next = acl.open(2);
    assert.equal(ended.next, next);
    acl.close(ended);
    assert.equal(ended.next, undefined);
    assert.equal(send(acl, next, fromHex("00")), true);
  });

  it("gives its packets in the controller back, and its queue is dropped", () => {
    const { acl, controller } = setUp(27, 2);
    const a = acl.open(1);
    for (let n = 0; n < 4; n++) send(acl, a, fromHex("aa"));
    const b = acl.open(2);
    assert.equal(send(acl, b, fromHex("bb")), false);
    controller.sent.length = 0;
    acl.close(a);
    assert.deepEqual(handles(controller), [2]);
    assert.equal(send(acl, b, fromHex("bb")), true, "both buffers are free for b");
    acl.close(a);
    assert.equal(send(acl, b, fromHex("bb")), false, "closing twice gives nothing back twice");
  });

  it("completions reported after the disconnection are not counted twice", () => {
    const { acl, controller } = setUp(27, 2);
    const a = acl.open(1);
    send(acl, a, fromHex("aa"));
    send(acl, a, fromHex("aa"));
    acl.close(a);
    complete(acl, [1, 2]);
    const b = acl.open(2);
    for (let n = 0; n < 5; n++) send(acl, b, fromHex("bb"));
    assert.equal(controller.sent.length, 2 + 2);
  });

  it("a handle used again while credits of the old link are outstanding", () => {
    const { acl, controller, log } = setUp(27, 2);
    const old = acl.open(1);
    for (let n = 0; n < 5; n++) send(acl, old, fromHex("aa"));
    const fresh = acl.open(1);
    assert.notEqual(fresh, old);
    controller.sent.length = 0;
    assert.equal(send(acl, fresh, fromHex("bb")), true);
    acl.close(old);
    complete(acl, [1, 1]);
    assert.equal(fresh.inController, 0);
    assert.deepEqual(
      takeFrames(controller, 1).map((frame) => toHex(frame.payload)),
      ["bb"],
    );
    assert.deepEqual(log, []);
  });

  it("start() forgets the links of the controller before", () => {
    const { acl, controller } = setUp(27, 1);
    const old = acl.open(1);
    send(acl, old, fromHex("aa"));
    acl.start(251, 2);
    acl.close(old);
    const link = acl.open(1);
    for (let n = 0; n < 4; n++) send(acl, link, counting(200));
    assert.equal(controller.sent.length, 1 + 2);
  });
});

describe("Acl: a full transport, and whenSent", () => {
  it("keeps what the transport refused and goes on when it has room", () => {
    const { acl, controller } = setUp(27, 8);
    const link = acl.open(1);
    controller.room = 0;
    assert.equal(send(acl, link, counting(60), 3), false);
    assert.equal(send(acl, link, fromHex("aa"), 1), false);
    controller.room = 2;
    acl.drain();
    assert.equal(controller.sent.length, 2);
    assert.equal(link.inController, 2, "a refused write costs no credit");
    controller.room = 10;
    acl.drain();
    assert.deepEqual(
      takeFrames(controller, 1).map((frame) => toHex(frame.payload)),
      [toHex(counting(60)), "aa"],
    );
  });

  it("has room for 32 PDUs of a link, for 64 of all, and for 8 of each whatever the others have", () => {
    const { acl } = setUp(27, 1);
    const links = [1, 2, 3, 4].map((handle) => acl.open(handle));
    const fill = (link: AclLink): number => {
      while (acl.hasRoom(link, 1)) send(acl, link, fromHex("aa"));
      return link.queued;
    };
    assert.deepEqual(links.map(fill), [32, 32, 8, 8]);
    acl.close(links[0]!);
    assert.deepEqual(links.slice(1).map(fill), [32, 24, 8]);
  });

  it("whenSent: at once when nothing waits", () => {
    const { acl } = setUp(27, 1);
    let calls = 0;
    acl.open(1).whenSent(() => calls++);
    assert.equal(calls, 1);
  });

  it("whenSent: with the last byte of that frame, once, and every waiter", () => {
    const { acl } = setUp(27, 1);
    const link = acl.open(1);
    const calls: string[] = [];
    send(acl, link, counting(60));
    link.whenSent(() => calls.push("first"));
    link.whenSent(() => calls.push("also"));
    send(acl, link, fromHex("aa"));
    link.whenSent(() => calls.push("second"));
    complete(acl, [1, 1]);
    assert.deepEqual(calls, []);
    complete(acl, [1, 1]);
    assert.deepEqual(calls, ["first", "also"]);
    complete(acl, [1, 1]);
    assert.deepEqual(calls, ["first", "also", "second"]);
  });

  it("whenSent: never when the link ends before", () => {
    const { acl } = setUp(27, 1);
    const link = acl.open(1);
    send(acl, link, counting(60));
    let lost = 0;
    link.whenSent(
      () => assert.fail("it was not sent"),
      () => lost++,
    );
    acl.close(link);
    complete(acl, [1, 1]);
    assert.equal(lost, 1);
  });

  it("whenSent: what is sent from inside it does not spoil a frame on its way", () => {
    const { acl, controller } = setUp(27, 1);
    const link = acl.open(1);
    send(acl, link, counting(50), 3);
    link.whenSent(() => send(acl, link, fromHex("0b 01 02"), 1));
    send(acl, link, counting(30, 0x80), 3);
    for (let turn = 0; turn < 10; turn++) complete(acl, [1, 1]);
    assert.deepEqual(
      takeFrames(controller, 1).map((frame) => toHex(frame.payload)),
      [toHex(counting(50)), toHex(counting(30, 0x80)), "0b 01 02"],
    );
  });

  it("the queue has a limit for notifications, and a firm one for everything", () => {
    const { acl } = setUp(27, 1);
    const link = acl.open(1);
    while (link.queued < QUEUE_LIMIT) send(acl, link, fromHex("aa"));
    // A peer may ask again and again without ever taking an answer.
    for (let n = 0; n < 1000; n++) send(acl, link, counting(100));
    assert.ok(link.queued <= 2 * QUEUE_LIMIT, `${link.queued} frames wait`);
  });
});

describe("Acl: data from the controller", () => {
  const packet = (text: string): DataView => shiftedView(fromHex(text));

  it("goes to the link that has the handle, with flag and length; data for no link is dropped", () => {
    const { acl } = setUp(27, 1);
    const seen: string[] = [];
    for (const handle of [0x0040, 0x0efe]) {
      const receive = (view: DataView, boundary: number, length: number) =>
        seen.push(`${handle.toString(16)}: ${boundary}, ${length}, ${view.byteLength}`);
      acl.open(handle).receiver = { receive };
    }
    assert.equal(acl.receive(packet("02 40 20 02 00 aa bb")), true);
    assert.equal(acl.receive(packet("02 fe 1e 00 00")), true);
    assert.equal(acl.receive(packet("02 41 20 01 00 aa")), true);
    assert.deepEqual(seen, ["40: 2, 2, 7", "efe: 1, 0, 5"]);
  });

  it("is refused when its length is wrong", () => {
    const { acl } = setUp(27, 1);
    acl.open(0x40).receiver = { receive: () => assert.fail("received") };
    for (const text of ["02", "02 40 20 01", "02 40 20 01 00", "02 40 20 00 00 01", "02 40 20 ff ff 01"]) {
      assert.equal(acl.receive(packet(text)), false, text);
    }
  });
});
