/** How much a channel of aioble carries, from the peripheral that accepts it to the central that opens it and back. */
import { equal, ok } from "../../support/assert.ts";
import { counting } from "../../support/bytes.ts";
import { describe, it } from "../../support/suite.ts";
import { createTwoCameras } from "../two-cameras.ts";

const PSM = 22;
const MTU = 512;
const COUNT = 30;

describe("multi: aioble perf_l2cap", () => {
  it("the peripheral listens, the central sends; then the other way round", async () => {
    const cameras = createTwoCameras();
    let tookMs = 0;
    await cameras.run(
      async () => {
        await using connection = await cameras.advertise();
        await using channel = await connection.l2capAccept(PSM, { mtu: MTU });
        const startMs = cameras.world.clock.now();
        const buffer = new Uint8Array(MTU);
        for (let received = 0; received < COUNT * MTU; ) received += await channel.recvinto(buffer);
        tookMs = cameras.world.clock.now() - startMs;
        for (let index = 0; index < COUNT; index++) await channel.send(counting(MTU, index));
        await channel.flush();
        await cameras.wait("done");
      },
      async () => {
        const connection = await cameras.connect();
        const channel = await connection.l2capConnect(PSM, { mtu: MTU });
        for (let index = 0; index < COUNT; index++) await channel.send(counting(MTU, index));
        const buffer = new Uint8Array(MTU);
        let received = 0;
        while (received < COUNT * MTU) received += await channel.recvinto(buffer);
        equal(received, COUNT * MTU);
        cameras.broadcast("done");
        await channel.disconnected();
        await connection.disconnected();
      },
    );
    ok(tookMs < 5000, `15 KB took ${tookMs} ms of virtual time`);
  });
});
