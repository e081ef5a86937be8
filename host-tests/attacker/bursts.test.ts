/** Issue A4 and C15: an application that does not await what it sends, and rejections that nobody handles. */
import assert from "node:assert/strict";
import type { Controller } from "./controller.ts";
import type { Link } from "./link.ts";
import { attacks } from "./scene.ts";

const VALUE = "ff01";
const CALLS = 500;

/** So many clients subscribe; then the application notifies all of them again and again, in one turn. */
const bursting = (clients: number, length: number): string => `
import { Characteristic, connections, type DeviceConnection, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const value = new Characteristic(service, new UUID(0x${VALUE}), { read: true, notify: true });
const guests: DeviceConnection[] = [];
value.onSubscribe = (connection, wants) => {
  if (!wants.notify) return;
  guests.push(connection);
  if (guests.length === ${clients}) setTimeout(burst, 500);
};
registerServices(service);
function burst(): void {
  for (let count = 0; count < ${CALLS}; count++) {
    for (const connection of guests) value.notify(connection, new Uint8Array(${length}).fill(count));
  }
  console.log("burst over");
}
setInterval(() => console.log("tick"), 1000);
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
  void connection.disconnected().then(() => console.log("left"));
}
`;

async function subscribed(controller: Controller, count: number, mtu: number): Promise<Link[]> {
  const links: Link[] = [];
  for (let each = 0; each < count; each++) {
    const link = await controller.connectWhenHeard();
    if (mtu > 23) await link.exchangeMtu(mtu);
    await link.subscribe((await link.valueHandle(VALUE)) + 1);
    link.inRange = false;
    links.push(link);
  }
  return links;
}

const BURSTS = [
  { clients: 1, length: 20, mtu: 23 },
  { clients: 1, length: 244, mtu: 247 },
  { clients: 4, length: 20, mtu: 23 },
] as const;

for (const { clients, length, mtu } of BURSTS) {
  const title = `${CALLS} notifications of ${length} bytes to each of ${clients}, not awaited (A4)`;
  attacks(title, `burst${clients}x${length}`, bursting(clients, length), ({ it }) => {
    it(
      "meet the limit of the queue and not that of the memory; what was queued arrives, in order",
      async ({ controller, camera }) => {
        const links = await subscribed(controller, clients, mtu);
        await camera.line(/burst over/);
        const refusal = /unhandled rejection: .*takes notifications more slowly than they come/;
        await camera.line(refusal);
        await camera.line(/tick/, camera.console.length);
        assert.equal(camera.restarts, 0);
        // One report for each client, not one for each call.
        assert.equal(camera.console.filter((line) => refusal.test(line)).length, clients);
        for (const link of links) link.inRange = true;
        for (const link of links) {
          const received: number[] = [];
          // Eight in the controller's buffers, shared, and at least its share of the queue.
          while (received.length < 9) received.push((await link.updates.take("a notification"))[3]!);
          assert.deepEqual(
            received,
            received.map((_, index) => index),
          );
        }
        await camera.line(/tick/, camera.console.length);
        assert.equal(camera.restarts, 0);
      },
      { atFloor: true },
    );
  });
}

/** Busy all the time, and with rejections that nobody handles: of a promise that is dropped, and of one that is kept. */
const busy = `
import { advertise } from "aioble";
const started = Date.now();
const kept = Promise.reject(new Error("kept"));
setTimeout(() => void Promise.reject(new Error("dropped")), 100);
const late = Promise.reject(new Error("handled in time"));
setTimeout(() => late.catch(() => {}), 300);
let turns = 0;
setInterval(() => {
  for (const end = Date.now() + 4; Date.now() < end; );
  turns++;
  if (turns % 500 === 0) console.log("busy for", Date.now() - started, "ms", typeof kept);
}, 5);
await advertise({ intervalUs: 100_000, name: "camera" });
`;

attacks("rejections that nobody handles, on a camera that is never quiet (C15)", "busy", busy, ({ it }) => {
  it("are reported within two seconds, whoever still has the promise, and once", async ({ camera }) => {
    await camera.line(/busy for/);
    const kept = await camera.line(/unhandled rejection: Error: kept/);
    const dropped = await camera.line(/unhandled rejection: Error: dropped/);
    const busyFor = await camera.line(/busy for \d+ ms/);
    assert.ok(Number(/busy for (\d+)/.exec(busyFor)![1]) > 2200, busyFor);
    const place = (line: string): number => camera.console.indexOf(line);
    // 500 turns of 5 ms are 2.5 s: both were reported before.
    assert.ok(place(kept) < place(busyFor), "kept");
    assert.ok(place(dropped) < place(busyFor), "dropped");
    await camera.line(/busy for/, place(busyFor) + 1);
    const reports = camera.console.filter((line) => line.includes("unhandled rejection"));
    assert.equal(reports.length, 2, reports.join("\n"));
    assert.equal(camera.restarts, 0);
  });
});
