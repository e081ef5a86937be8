/** Issue A4: the limit of notifications that wait is met before the heap is full. */
import assert from "node:assert/strict";
import { attacks } from "./scene.ts";

const COMMAND = "ff01";

/** Notifications that may wait for one client: docs/application.md, "Limits". */
const WAITING = 32;

/** More than the controller and the queue hold. */
const BURST = 60;

const bursting = `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const value = new Characteristic(service, new UUID(0x${COMMAND}), { read: true, write: true, notify: true });
registerServices(service);
let refused = 0;
const refuse = (error: { code: string }) => {
  if (error.code === "send-queue-full") refused++;
};
async function serve(connection: import("aioble").DeviceConnection): Promise<void> {
  for (;;) {
    await value.written({ signal: connection.timeout() });
    refused = 0;
    for (let index = 0; index < ${BURST}; index++) {
      value.notify(connection, new Uint8Array([index])).catch(refuse);
    }
    console.log("burst");
    await connection.flush();
    console.log("refused", refused);
  }
}
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
  serve(connection).catch(() => console.log("left"));
}
`;

attacks("a burst of notifications that nobody awaits (A4)", "bursting", bursting, ({ it }) => {
  for (const inRange of [true, false]) {
    it(
      `meets the limit of 32, with a client ${inRange ? "in" : "out of"} range`,
      async ({ controller, camera }) => {
        const link = await controller.connectWhenHeard();
        const handle = await link.valueHandle(COMMAND);
        await link.subscribe(handle + 1);
        let total = 0;
        for (let turn = 0; turn < 3; turn++) {
          const from = camera.console.length;
          await link.write(handle, "01");
          link.inRange = inRange;
          await camera.line(/burst/, from);
          link.inRange = true;
          const [, refused] = /refused (\d+)/.exec(await camera.line(/refused/, from)) ?? [];
          assert.ok(Number(refused) > 0 && Number(refused) <= BURST - WAITING, `${refused} refused`);
          total += Number(refused);
          assert.equal(link.updateCount, (turn + 1) * BURST - total);
        }
        assert.equal(camera.restarts, 0);
      },
      { atFloor: true },
    );
  }
});
