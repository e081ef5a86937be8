/** Issue A3: a guard and a question cost what they cost while they last, and nothing after. */
import assert from "node:assert/strict";
import { att } from "./link.ts";
import { attacks } from "./scene.ts";

const COMMAND = "ff01";

/** Writes, more than there are native timers on any board. */
const WRITES = 300;

/** The loop of docs/application.md, "Connections", with a guard of so many milliseconds. */
const guarded = (ms: number): string => `
import { advertise, BufferedCharacteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const command = new BufferedCharacteristic(service, new UUID(0x${COMMAND}), { read: true, write: true, maxLen: 64 });
registerServices(service);
let count = 0;
for (;;) {
  const connection = await advertise({ intervalUs: 100_000, name: "camera" });
  try {
    while (connection.isConnected()) {
      await command.written({ signal: connection.timeout(${ms}) });
      count++;
      if (count % 100 === 0) setTimeout(() => console.log("commands", count), 0);
    }
  } catch (error) {
    console.log("guard:", (error as Error).name);
  }
}
`;

for (const ms of [10_000, 60_000]) {
  attacks(`a guard of ${ms / 1000} s for each write (A3)`, `guarded${ms}`, guarded(ms), ({ it }) => {
    it(
      `${WRITES} writes within it are taken, and so is the next client's`,
      async ({ controller, camera }) => {
        for (let session = 1; session <= 2; session++) {
          const link = await controller.connectWhenHeard();
          const handle = await link.valueHandle(COMMAND);
          for (let count = 0; count < WRITES; count++) {
            const answer = await link.write(handle, Buffer.from([count & 0xff]));
            assert.equal(answer[0], att.writeResponse, answer.toString("hex"));
          }
          await camera.line(new RegExp(`commands ${session * WRITES}`));
          link.end();
        }
        assert.equal(camera.restarts, 0);
      },
      { atFloor: true },
    );
  });
}

const asking = `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const command = new Characteristic(service, new UUID(0x${COMMAND}), { read: true, write: true, writeNoResponse: true });
// 0: never answers; else at once, but not in this turn.
command.onWrite = (_, data) => (data[0] === 0 ? new Promise<number>(() => {}) : Promise.resolve(0));
registerServices(service);
setInterval(() => console.log("tick"), 1000);
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
  void connection.disconnected().then(() => console.log("left"));
}
`;

attacks("questions to the application that are never answered (A3)", "asking", asking, ({ it }) => {
  it(
    "write commands and a disconnection, again and again, leave every client served, and timers",
    async ({ controller, camera }) => {
      for (let session = 0; session < 5; session++) {
        const link = await controller.connectWhenHeard();
        const handle = await link.valueHandle(COMMAND);
        for (let count = 0; count < 64; count++) link.writeCommand(handle, "00");
        link.end();
      }
      for (let session = 0; session < 4; session++) {
        const link = await controller.connectWhenHeard();
        const handle = await link.valueHandle(COMMAND);
        assert.equal((await link.write(handle, "01"))[0], att.writeResponse);
        assert.equal((await link.read(handle)).toString("hex"), "0b01");
      }
      await camera.line(/tick/, camera.console.length);
      assert.equal(camera.restarts, 0);
    },
    { atFloor: true },
  );

  it(
    "100 clients that come, ask what is never answered, and vanish leave timers and places",
    async ({ controller, camera }) => {
      let handle = 0;
      for (let session = 0; session < 100; session++) {
        const link = await controller.connectWhenHeard();
        handle ||= await link.valueHandle(COMMAND);
        link.att(Buffer.from([att.write, handle & 0xff, handle >> 8, 0]));
        link.end();
      }
      const link = await controller.connectWhenHeard();
      assert.equal((await link.write(handle, "01"))[0], att.writeResponse);
      await camera.line(/tick/, camera.console.length);
      assert.equal(camera.restarts, 0);
    },
    { atFloor: true },
  );
});
