/** Issue A6 and A8: a controller that leaves one command unanswered, or whose answer stands behind data. */
import assert from "node:assert/strict";
import { guests, sensor } from "./applications.ts";
import { op } from "./commands.ts";
import { type Attacks, attacks, type Scene } from "./scene.ts";

/** Commands that put the camera on the air. */
const steps = {
  "LE Set Random Address": op.leSetRandomAddress,
  "LE Set Advertising Parameters": op.leSetAdvertisingParameters,
  "LE Set Advertising Data": op.leSetAdvertisingData,
  "LE Set Scan Response Data": op.leSetScanResponseData,
  "LE Set Advertising Enable": op.leSetAdvertisingEnable,
} as const;

/** One command without an answer; then the controller is as healthy as before. */
function unanswered({ it }: Attacks, uuid: string): void {
  const served = async ({ controller, camera }: Scene): Promise<void> => {
    const phone = await controller.connectWhenHeard();
    assert.equal((await phone.read(await phone.valueHandle(uuid)))[0], 0x0b);
    assert.equal(camera.restarts, 0);
  };

  for (const [name, opcode] of Object.entries(steps)) {
    it(`${name}: advertising goes on`, async (scene) => {
      await scene.controller.hold(opcode);
      await served(scene);
    });
  }

  it("LE Set Advertising Parameters, twice in a row: advertising goes on", async (scene) => {
    for (let time = 0; time < 2; time++) await scene.controller.hold(op.leSetAdvertisingParameters);
    await served(scene);
  });

  it("LE Set Advertising Parameters after a session: advertising goes on", async (scene) => {
    const { controller } = scene;
    await controller.advertising();
    const held = controller.hold(op.leSetAdvertisingParameters);
    const phone = await controller.connectWhenHeard();
    assert.equal((await phone.read(await phone.valueHandle(uuid)))[0], 0x0b);
    phone.end();
    await held;
    await served(scene);
  });
}

attacks("a command without an answer, advertise() (A6)", "sensor", sensor, (attack) =>
  unanswered(attack, "2a6e"),
);

attacks("a command without an answer, connections() (A6)", "guests", guests, (attack) =>
  unanswered(attack, "ff01"),
);

attacks("a controller without any answer for long", "guests", guests, ({ it }) =>
  it("ends the application, starts it again, and is not counted as its failure", async (scene) => {
    const { controller, camera } = scene;
    await controller.hold(op.leSetAdvertisingParameters);
    for (let attempt = 0; attempt < 3; attempt++) await controller.hold(op.reset);
    await camera.line(/The application failed: HciError: .* did not answer Reset/);
    await camera.line(
      /restarted after a loss of the Bluetooth controller, failure 1 in a row: pausing 250 ms/,
    );
    const phone = await controller.connectWhenHeard();
    assert.equal((await phone.read(await phone.valueHandle("ff01")))[0], 0x0b);
    assert.equal(camera.restarts, 1);
  }),
);

const computing = `
import { BufferedCharacteristic, connections, registerServices, Service, updateAdvertising } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const value = new BufferedCharacteristic(service, new UUID(0xff01), {
  read: true, write: true, writeNoResponse: true, maxLen: 512, initial: new Uint8Array([42]),
});
registerServices(service);
async function think(): Promise<void> {
  await value.written();
  updateAdvertising({ name: "thinking" }).then(() => console.log("updated"), (error) => console.log("failed", error));
  setTimeout(() => {
    console.log("computing");
    const end = Date.now() + 2300;
    let sum = 0;
    while (Date.now() < end) sum += Math.sqrt(sum + 1);
    console.log("computed", sum > 0);
  }, 0);
}
void think();
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
  void connection.disconnected().then(() => console.log("left", connection.disconnectReason));
}
`;

attacks("an application that computes for 2.3 s (A8)", "computing", computing, ({ it }) => {
  it("finds the answer behind 6 KB of data, and keeps the link", async ({ controller, camera }) => {
    const link = await controller.connectWhenHeard();
    await link.exchangeMtu(517);
    const handle = await link.valueHandle("ff01");
    await controller.advertising();
    const data = controller.hold(op.leSetAdvertisingData);
    await link.write(handle, "01");
    await data;
    await camera.line(/computing/);
    for (let count = 0; count < 12; count++) link.writeCommand(handle, Buffer.alloc(500, count));
    controller.answer(op.leSetAdvertisingData);
    await camera.line(/computed/);
    await camera.line(/updated/);
    assert.equal((await link.read(handle))[0], 0x0b);
    assert.ok(link.isOpen);
    assert.deepEqual(
      camera.console.filter((line) => /did not answer|left|failed/.test(line)),
      [],
    );
  });
});
