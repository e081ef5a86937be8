/** Payloads of many sizes over an L2CAP channel, from the central to the peripheral and back. */
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_L2CAP_ACCEPT,
  IRQ_L2CAP_CONNECT,
  IRQ_L2CAP_DISCONNECT,
  IRQ_L2CAP_RECV,
  IRQ_L2CAP_SEND_READY,
  IRQ_PERIPHERAL_CONNECT,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal, throws } from "../../support/assert.ts";
import { counting } from "../../support/bytes.ts";
import { describe, it } from "../../support/suite.ts";
import { createEvents, type Events } from "../low-level.ts";
import { ADV_DATA, INTERVAL_US } from "../pair.ts";
import { createTwoCameras } from "../two-cameras.ts";

const PSM = 22;
const MTU = 128;
const LENGTHS = [1, 12, 23, 80, 117, 127, 128, 128, 64, 3];

/** Sends SDUs, waiting where the stack says so. */
async function send({ ble, event }: Events, conn: number, cid: number, first: number): Promise<void> {
  for (const [index, length] of LENGTHS.entries()) {
    if (ble.l2capSend(conn, cid, counting(length, first + index))) continue;
    deepEqual(await event(IRQ_L2CAP_SEND_READY), [conn, cid, 0]);
  }
}

/** Receives as many bytes as the other side sends, in pieces of an odd size. */
async function receive({ ble, event }: Events, conn: number, cid: number, first: number): Promise<void> {
  const expected = LENGTHS.flatMap((length, index) => [...counting(length, first + index)]);
  const received: number[] = [];
  const buffer = new Uint8Array(50);
  while (received.length < expected.length) {
    deepEqual(await event(IRQ_L2CAP_RECV), [conn, cid]);
    for (;;) {
      const count = ble.l2capRecvinto(conn, cid, buffer);
      if (count === 0) break;
      received.push(...buffer.subarray(0, count));
    }
    equal(ble.l2capRecvinto(conn, cid, null), 0);
  }
  deepEqual(received, expected);
}

describe("multi: bluetooth ble_l2cap", () => {
  it("the central opens a channel; both send and receive; the peripheral closes it", async () => {
    const cameras = createTwoCameras();
    const near = createEvents(cameras.central.bluetooth);
    const far = createEvents(cameras.peripheral.bluetooth);
    await cameras.run(
      async () => {
        await far.ble.active(true);
        far.ble.l2capListen(PSM, MTU);
        await far.ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
        const [conn] = await far.event(IRQ_CENTRAL_CONNECT);
        const [acceptConn, cid, psm, ourMtu, peerMtu] = await far.event(IRQ_L2CAP_ACCEPT);
        deepEqual([acceptConn, psm, ourMtu, peerMtu], [conn, PSM, MTU, MTU]);
        deepEqual(await far.event(IRQ_L2CAP_CONNECT), [conn, cid, PSM, MTU, MTU]);
        await receive(far, conn, cid, 1);
        await send(far, conn, cid, 100);
        await cameras.wait("received");
        far.ble.l2capDisconnect(conn, cid);
        deepEqual(await far.event(IRQ_L2CAP_DISCONNECT), [conn, cid, PSM, 0]);
        throws(() => far.ble.l2capSend(conn, cid, "x"), { code: "l2cap-disconnected" });
        await far.event(IRQ_CENTRAL_DISCONNECT);
      },
      async () => {
        await near.ble.active(true);
        near.ble.gapConnect(1, cameras.peripheral.host.ownAddress);
        const [conn] = await near.event(IRQ_PERIPHERAL_CONNECT);
        near.ble.l2capConnect(conn, PSM, MTU);
        const [, cid, psm, ourMtu, peerMtu] = await near.event(IRQ_L2CAP_CONNECT);
        deepEqual([psm, ourMtu, peerMtu], [PSM, MTU, MTU]);
        await send(near, conn, cid, 1);
        await receive(near, conn, cid, 100);
        cameras.broadcast("received");
        deepEqual(await near.event(IRQ_L2CAP_DISCONNECT), [conn, cid, PSM, 0]);
        near.ble.gapDisconnect(conn);
        await near.event(IRQ_PERIPHERAL_DISCONNECT);
      },
    );
  });
});
