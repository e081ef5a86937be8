/** The methods `l2cap…` of BLE beside what host-tests/multi/bluetooth/ble_l2cap.test.ts shows. */
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_L2CAP_ACCEPT,
  IRQ_L2CAP_CONNECT,
  IRQ_L2CAP_DISCONNECT,
  IRQ_L2CAP_SEND_READY,
  IRQ_PERIPHERAL_CONNECT,
} from "../../firmware/bluetooth/constants.ts";
import type { IrqEvent } from "../../firmware/bluetooth/irq.ts";
import { createEvents, type Events } from "../multi/low-level.ts";
import { createTwoCameras, type TwoCameras } from "../multi/two-cameras.ts";
import { deepEqual, equal, throws } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const PSM = 0x80;
const MTU = 100;

interface Linked extends TwoCameras {
  readonly near: Events;
  readonly far: Events;
  /** Handles of the link on each side. */
  readonly nearConn: number;
  readonly farConn: number;
}

async function linked(
  body: (linked: Linked) => Promise<void>,
  handle?: (...event: IrqEvent) => unknown,
): Promise<void> {
  const cameras = createTwoCameras();
  const near = createEvents(cameras.central.bluetooth);
  const far = createEvents(cameras.peripheral.bluetooth, handle);
  await cameras.world.run(async () => {
    await far.ble.active(true);
    await near.ble.active(true);
    await far.ble.gapAdvertise(20_000, { advData: new Uint8Array([2, 1, 6]) });
    near.ble.gapConnect(1, cameras.peripheral.host.ownAddress);
    const [nearConn] = await near.event(IRQ_PERIPHERAL_CONNECT);
    const [farConn] = await far.event(IRQ_CENTRAL_CONNECT);
    await body({ ...cameras, near, far, nearConn, farConn });
    near.ble.gapDisconnect(nearConn);
    await cameras.sleep(1000);
    for (const { host } of [cameras.central, cameras.peripheral]) equal(host.budget.held, 0);
  });
}

describe("bluetooth: L2CAP channels", () => {
  it("nobody listens: the attempt ends with status 2", () =>
    linked(async ({ near, nearConn }) => {
      near.ble.l2capConnect(nearConn, PSM, MTU);
      const [conn, , psm, status] = await near.event(IRQ_L2CAP_DISCONNECT);
      deepEqual([conn, psm, status], [nearConn, PSM, 2]);
    }));

  it("the handler refuses: status 4, and the next one may be accepted", () => {
    let answer = 1;
    return linked(
      async ({ near, nearConn, far }) => {
        far.ble.l2capListen(PSM, MTU);
        near.ble.l2capConnect(nearConn, PSM, MTU);
        equal((await near.event(IRQ_L2CAP_DISCONNECT))[3], 4);
        answer = 0;
        near.ble.l2capConnect(nearConn, PSM, MTU);
        const [, cid] = await near.event(IRQ_L2CAP_CONNECT);
        const accepts = far.events.filter(([event]) => event === IRQ_L2CAP_ACCEPT);
        deepEqual(
          accepts.map(([, data]) => data[1]),
          [0x40, 0x41],
        );
        equal(cid, 0x41);
      },
      (...[event]) => (event === IRQ_L2CAP_ACCEPT ? answer : undefined),
    );
  });

  it("the handler does not accept by a promise, nor where it throws: status 4", () => {
    const answers: (() => unknown)[] = [
      () => Promise.resolve(0),
      () => false,
      () => {
        throw new Error("careless");
      },
    ];
    return linked(
      async ({ near, nearConn, far, peripheral }) => {
        far.ble.l2capListen(PSM, MTU);
        while (answers.length > 0) {
          near.ble.l2capConnect(nearConn, PSM, MTU);
          equal((await near.event(IRQ_L2CAP_DISCONNECT))[3], 4);
          answers.shift();
        }
        equal(diagnostics(peripheral).filter((line) => line.includes("the irq handler failed")).length, 3);
      },
      (...[event]) => (event === IRQ_L2CAP_ACCEPT ? answers[0]!() : undefined),
    );
  });

  it("an SDU that stalls is kept, and the next is refused until it has left", () =>
    linked(async ({ near, nearConn, far, farConn, sleep }) => {
      far.ble.l2capListen(PSM, MTU);
      near.ble.l2capConnect(nearConn, PSM, MTU);
      const [, cid] = await near.event(IRQ_L2CAP_CONNECT);
      const [, farCid] = await far.event(IRQ_L2CAP_CONNECT);
      const buffer = new Uint8Array(MTU);
      const readies = (): number => near.events.filter(([event]) => event === IRQ_L2CAP_SEND_READY).length;
      let sent = 0;
      for (let isStalled = false; !isStalled; sent++) {
        buffer.set(counting(MTU, sent));
        if (near.ble.l2capSend(nearConn, cid, buffer)) continue;
        throws(() => near.ble.l2capSend(nearConn, cid, buffer), { code: "send-queue-full" });
        buffer.fill(0xee);
        // A busy controller takes it soon; a peer that gives no credits does not.
        const before = readies();
        await sleep(1000);
        isStalled = readies() === before;
      }
      equal(sent, 9, "eight frames of credits, and one that waits");
      equal(far.ble.l2capRecvinto(farConn, farCid, null), 8 * MTU);
      for (let index = 0; index < 9; index++) {
        while (far.ble.l2capRecvinto(farConn, farCid, null) === 0) await sleep(10);
        equal(far.ble.l2capRecvinto(farConn, farCid, buffer), MTU);
        deepEqual(buffer, counting(MTU, index));
      }
      await near.event(IRQ_L2CAP_SEND_READY);
    }));

  it("wrong numbers are errors", () =>
    linked(async ({ near, nearConn, far }) => {
      throws(() => near.ble.l2capListen(0, MTU), { name: "RangeError" });
      throws(() => near.ble.l2capListen(PSM, 22), { name: "RangeError" });
      throws(() => near.ble.l2capConnect(nearConn, 0x100, MTU), { name: "RangeError" });
      throws(() => near.ble.l2capConnect(999, PSM, MTU), { code: "device-disconnected" });
      throws(() => near.ble.l2capDisconnect(nearConn, 0x40), { code: "l2cap-disconnected" });
      throws(() => near.ble.l2capRecvinto(nearConn, 0x40, null), { code: "l2cap-disconnected" });
      throws(() => near.ble.l2capConnect(nearConn, PSM, 65_535), { code: "peer-memory-full" });
      far.ble.l2capListen(PSM, MTU);
      near.ble.l2capConnect(nearConn, PSM, MTU);
      const [, cid] = await near.event(IRQ_L2CAP_CONNECT);
      throws(() => near.ble.l2capSend(nearConn, cid, new Uint8Array(0)), { name: "RangeError" });
      throws(() => near.ble.l2capSend(nearConn, cid, new Uint8Array(MTU + 1)), { name: "RangeError" });
      throws(() => near.ble.l2capRecvinto(nearConn, cid, [] as never), { name: "TypeError" });
    }));

  it("listening with another mtu, and no more", () =>
    linked(async ({ near, nearConn, far }) => {
      far.ble.l2capListen(PSM, MTU);
      far.ble.l2capListen(PSM, MTU + 1);
      near.ble.l2capConnect(nearConn, PSM, MTU);
      equal((await near.event(IRQ_L2CAP_CONNECT))[4], MTU + 1);
      far.ble.l2capListen(PSM, null);
      near.ble.l2capConnect(nearConn, PSM, MTU);
      equal((await near.event(IRQ_L2CAP_DISCONNECT))[3], 2);
    }));

  it("a psm belongs to one module", async () => {
    const cameras = createTwoCameras();
    const ble = new cameras.peripheral.bluetooth.BLE();
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        ble.l2capListen(PSM, MTU);
        throws(() => connection.l2capAccept(PSM), { code: "psm-in-use" });
        ble.l2capListen(PSM, null);
        const accepted = connection.l2capAccept(PSM);
        cameras.broadcast("accepting");
        throws(() => ble.l2capListen(PSM, MTU), { code: "psm-in-use" });
        await (await accepted).disconnected();
        ble.l2capListen(PSM, MTU);
        await connection.disconnected();
      },
      async () => {
        const connection = await cameras.connect();
        await cameras.wait("accepting");
        await (await connection.l2capConnect(PSM)).disconnect();
        await cameras.sleep(1000);
        await connection.disconnect();
      },
    );
  });

  it("the link ends: so does the channel", () =>
    linked(async ({ near, nearConn, far }) => {
      far.ble.l2capListen(PSM, MTU);
      near.ble.l2capConnect(nearConn, PSM, MTU);
      const [, cid] = await near.event(IRQ_L2CAP_CONNECT);
      near.ble.gapDisconnect(nearConn);
      deepEqual(await near.event(IRQ_L2CAP_DISCONNECT), [nearConn, cid, PSM, 0]);
      await far.event(IRQ_L2CAP_DISCONNECT);
    }));
});
