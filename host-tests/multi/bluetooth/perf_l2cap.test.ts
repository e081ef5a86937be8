/** How much a channel of the module bluetooth carries: 30 SDUs of 512 bytes, as fast as the stack takes them. */
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_L2CAP_CONNECT,
  IRQ_L2CAP_RECV,
  IRQ_L2CAP_SEND_READY,
  IRQ_PERIPHERAL_CONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { equal, ok } from "../../support/assert.ts";
import { counting } from "../../support/bytes.ts";
import { describe, it } from "../../support/suite.ts";
import { createEvents } from "../low-level.ts";
import { ADV_DATA, INTERVAL_US } from "../pair.ts";
import { createTwoCameras } from "../two-cameras.ts";

const PSM = 22;
const MTU = 512;
const COUNT = 30;

describe("multi: bluetooth perf_l2cap", () => {
  it("arrives whole", async () => {
    const cameras = createTwoCameras();
    const near = createEvents(cameras.central.bluetooth);
    const far = createEvents(cameras.peripheral.bluetooth);
    let tookMs = 0;
    await cameras.run(
      async () => {
        await far.ble.active(true);
        far.ble.l2capListen(PSM, MTU);
        await far.ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
        await far.event(IRQ_CENTRAL_CONNECT);
        const [conn, cid] = await far.event(IRQ_L2CAP_CONNECT);
        const startMs = cameras.world.clock.now();
        const buffer = new Uint8Array(MTU);
        let received = 0;
        while (received < COUNT * MTU) {
          await far.event(IRQ_L2CAP_RECV);
          for (let count = 1; count > 0; received += count) count = far.ble.l2capRecvinto(conn, cid, buffer);
        }
        equal(received, COUNT * MTU);
        tookMs = cameras.world.clock.now() - startMs;
        cameras.broadcast("done");
      },
      async () => {
        await near.ble.active(true);
        near.ble.gapConnect(1, cameras.peripheral.host.ownAddress);
        const [conn] = await near.event(IRQ_PERIPHERAL_CONNECT);
        near.ble.l2capConnect(conn, PSM, MTU);
        const [, cid] = await near.event(IRQ_L2CAP_CONNECT);
        for (let index = 0; index < COUNT; index++) {
          if (!near.ble.l2capSend(conn, cid, counting(MTU, index))) await near.event(IRQ_L2CAP_SEND_READY);
        }
        await cameras.wait("done");
        near.ble.gapDisconnect(conn);
      },
    );
    ok(tookMs < 5000, `15 KB took ${tookMs} ms of virtual time`);
  });
});
