import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Acl, type AclLink, L2CAP_OFFSET } from "../../../../firmware/ble/hci/acl.ts";
import type { HciReceiver } from "../../../../firmware/platform/platform.ts";
import { shiftedView } from "../../../support/bytes.ts";
import { completedPackets, ScriptedController } from "../../../support/scripted-controller.ts";

const NOBODY: HciReceiver = { onPacket() {}, onWritable() {}, onFailure() {} };

/** A link whose packets hold 27 bytes, in a controller with two buffers. */
function setUp() {
  const controller = new ScriptedController();
  controller.open(NOBODY);
  const acl = new Acl({ transport: controller, log: () => {} });
  acl.start(27, 2);
  const link = acl.open(1);
  const calls: string[] = [];
  const wait = (name: string): (() => void) => acl.whenCompleted(link, () => calls.push(name));
  return { acl, link, calls, wait };
}

/** A frame of so many bytes, its L2CAP header included. */
function send(acl: Acl, link: AclLink, length: number): void {
  acl.headerView.setUint16(L2CAP_OFFSET, length - 4, true);
  acl.headerView.setUint16(L2CAP_OFFSET + 2, 0x0004, true);
  acl.send(link, 4, new Uint8Array(length - 4), 0, length - 4);
}

function complete(acl: Acl, handle: number, count: number): void {
  acl.completed(shiftedView(completedPackets([handle, count])));
}

describe("Acl.whenCompleted", () => {
  it("is called at once when nothing is on its way", () => {
    const { calls, wait } = setUp();
    wait("idle");
    assert.deepEqual(calls, ["idle"]);
  });

  it("waits for the packets in the controller and for those of frames in the queue, cut or not", () => {
    const { acl, link, calls, wait } = setUp();
    send(acl, link, 20); // In the controller.
    wait("first");
    send(acl, link, 60); // Three packets, one of them in the controller.
    wait("second");
    send(acl, link, 27);
    send(acl, link, 28);
    wait("third");
    const seen: string[] = [];
    for (let packet = 1; packet <= 7; packet++) {
      complete(acl, 1, 1);
      seen.push(calls.join());
    }
    const second = "first,second";
    assert.deepEqual(seen, ["first", "first", "first", second, second, second, "first,second,third"]);
  });

  it("does not wait for what is sent later", () => {
    const { acl, link, calls, wait } = setUp();
    send(acl, link, 20);
    wait("before");
    for (let frame = 0; frame < 10; frame++) send(acl, link, 20);
    complete(acl, 1, 1);
    assert.deepEqual(calls, ["before"]);
  });

  it("is not concerned by other links, by packets too many, or once it was withdrawn", () => {
    const { acl, link, calls, wait } = setUp();
    const other = acl.open(2);
    send(acl, other, 20);
    send(acl, link, 20);
    const withdraw = wait("withdrawn");
    wait("kept");
    withdraw();
    withdraw();
    complete(acl, 2, 5);
    assert.deepEqual(calls, []);
    complete(acl, 1, 5);
    assert.deepEqual(calls, ["kept"]);
    assert.equal(link.completions?.length ?? 0, 0);
  });

  it("is never called when the link ends before", () => {
    const { acl, link, calls, wait } = setUp();
    send(acl, link, 20);
    wait("never");
    acl.close(link);
    complete(acl, 1, 1);
    assert.deepEqual(calls, []);
    assert.equal(link.completions?.length ?? 0, 0);
  });
});
