/** Issue A7, A9 and A10: values, handlers and what foreign clients send. */
import assert from "node:assert/strict";
import { u16 } from "./bytes.ts";
import { op } from "./commands.ts";
import { att, type Link } from "./link.ts";
import { attacks } from "./scene.ts";

/** UUIDs of 16 bits in the applications below. */
const VALUE = "ff01";
const ORDER = "ff02";

/** Places of the services that every camera has, up to this issue's: Service Changed and its configuration. */
const SERVICE_CHANGED = "2a05";

const serve = `
async function serve(): Promise<void> {
  for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
    void connection.disconnected().then(() => console.log("left", connection.device.addrHex()));
  }
}`;

const appending = `
import { BufferedCharacteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const log = new BufferedCharacteristic(service, new UUID(0x${VALUE}), {
  read: true, write: true, writeNoResponse: true, maxLen: 512, append: true,
});
let asked = 0;
log.onWrite = () => {
  if (++asked % 4 !== 0) return new Promise<number>((resolve) => waiting.push(() => resolve(0)));
  for (const go of waiting.splice(0)) go();
  return 0;
};
const waiting: (() => void)[] = [];
registerServices(service);
${serve}
await serve();
`;

attacks("an appended value and an asynchronous onWrite (A7)", "appending", appending, ({ it }) => {
  it("never outgrows maxLen: 500 bytes each from four clients at once", async ({ controller, camera }) => {
    const links: Link[] = [];
    for (let count = 0; count < 4; count++) {
      const link = await controller.connectWhenHeard();
      await link.exchangeMtu(517);
      links.push(link);
    }
    const [first] = links as [Link, ...Link[]];
    const handle = await first.valueHandle(VALUE);
    const answers = await Promise.all(links.map((link) => link.write(handle, Buffer.alloc(500, 0x41))));
    assert.deepEqual(answers.map((answer) => answer[0]).sort(), [1, 1, 1, att.writeResponse]);
    for (const answer of answers) if (answer[0] === att.error) assert.equal(answer[4], 0x0d);
    let value = (await first.read(handle)).subarray(1);
    for (let more = value; more.length === 516; ) {
      const blob = await first.request(Buffer.concat([Buffer.from([0x0c]), u16(handle), u16(value.length)]));
      more = blob.subarray(1);
      value = Buffer.concat([value, more]);
    }
    assert.equal(value.length, 500);
    assert.equal(camera.restarts, 0);
  });
});

const throwing = `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { BLE, UUID } from "bluetooth";
const hostile = (): never => {
  throw Object.create(null);
};
const service = new Service(new UUID(0xff00));
const value = new Characteristic(service, new UUID(0x${VALUE}), {
  read: true, write: true, notify: true, initial: new Uint8Array([42]),
});
value.onSubscribe = hostile;
const refusing = new Characteristic(service, new UUID(0x${ORDER}), { read: true, write: true });
refusing.onRead = hostile;
refusing.onWrite = async () => hostile();
registerServices(service);
new BLE().irq(hostile);
${serve}
await serve();
`;

attacks("handlers that throw what cannot become a string (A9)", "throwing", throwing, ({ it }) => {
  it("break off nothing: reads, writes and subscriptions are served, and refused as documented", async ({
    controller,
  }) => {
    const link = await controller.connectWhenHeard();
    const handle = await link.valueHandle(VALUE);
    assert.equal((await link.read(handle)).toString("hex"), "0b2a");
    assert.equal((await link.write(handle, "07")).toString("hex"), "13");
    assert.equal((await link.read(handle)).toString("hex"), "0b07");
    assert.equal((await link.write(handle + 1, "0100")).toString("hex"), "13");
    assert.equal((await link.read(handle + 1)).toString("hex"), "0b0100");
    const refusing = await link.valueHandle(ORDER);
    // Unlikely Error concerns no attribute: its handle is 0.
    assert.equal((await link.read(refusing)).toString("hex"), "010a00000e");
    assert.equal((await link.write(refusing, "01")).toString("hex"), "011200000e");
    assert.equal(await link.exchangeMtu(100), 517);
  });

  it("do not keep the links after them: a controller that fails ends all four, and all places are free", async ({
    controller,
    camera,
  }) => {
    for (let count = 0; count < 4; count++) {
      const link = await controller.connectWhenHeard({ peer: count });
      await link.subscribe((await link.valueHandle(VALUE)) + 1);
    }
    controller.send("04 10 01 42");
    for (let count = 0; count < 4; count++) await camera.line(new RegExp(`left c7:00:00:00:00:0${count}`));
    for (let count = 0; count < 4; count++) {
      const link = await controller.connectWhenHeard();
      assert.equal((await link.read(await link.valueHandle(VALUE))).toString("hex"), "0b2a");
    }
  });
});

const strangers = `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const value = new Characteristic(service, new UUID(0x${VALUE}), {
  read: true, notify: true, indicate: true, initial: new Uint8Array([42]),
});
const order = new Characteristic(service, new UUID(0x${ORDER}), { read: true, write: true, capture: true });
registerServices(service);
const more = new Service(new UUID(0xfe00));
new Characteristic(more, new UUID(0xfe01), { read: true });
const orders = {
  1: () => registerServices(service, more),
  2: () => console.log("reached", value.write(new Uint8Array([43]), { sendUpdate: true })),
  3: () => {
    value.onRead = () => new Uint8Array([44]);
    value.onSubscribe = (_, wants) => console.log("wants", wants.notify, wants.indicate);
    order.onWrite = (_, data) => (data[0] === 9 ? 0x80 : 0);
  },
  4: () => {
    for (const connection of present) {
      value.indicate(connection, new Uint8Array([45]), { force: true }).then((sent) => console.log("forced", sent));
    }
  },
} as Record<number, () => unknown>;
const present = new Set<import("aioble").DeviceConnection>();
async function obey(): Promise<void> {
  for (;;) {
    const { data } = await order.written();
    orders[data[0] ?? 0]?.();
  }
}
async function serve(): Promise<void> {
  for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
    present.add(connection);
    void connection.disconnected().then(() => present.delete(connection));
  }
}
void obey();
await serve();
`;

attacks("what foreign clients taught (A9, A10)", "strangers", strangers, ({ it }) => {
  it("one byte written to a CCCD is a shorter write", async ({ controller }) => {
    const link = await controller.connectWhenHeard();
    const handle = await link.valueHandle(VALUE);
    assert.equal((await link.write(handle + 1, "01")).toString("hex"), "13");
    assert.equal((await link.read(handle + 1)).toString("hex"), "0b0100");
    await link.write(await link.valueHandle(ORDER), "02");
    assert.equal(
      (await link.updates.take("a notification")).toString("hex"),
      `1b${u16(handle).toString("hex")}2b`,
    );
    assert.equal((await link.write(handle + 1, "010000")).toString("hex").slice(-2), "0d");
  });

  it("Service Changed ends at 0xFFFF", async ({ controller }) => {
    const link = await controller.connectWhenHeard();
    const changed = await link.valueHandle(SERVICE_CHANGED);
    await link.subscribe(changed + 1, 2);
    await link.write(await link.valueHandle(ORDER), "01");
    const indication = await link.updates.take("Service Changed");
    assert.equal(indication[0], att.indication);
    assert.equal(indication.readUInt16LE(1), changed);
    assert.equal(indication.subarray(5).toString("hex"), "ffff");
  });

  it("Exchange MTU is answered again, with the same Server Rx MTU, and the latest Client Rx MTU counts", async ({
    controller,
  }) => {
    const link = await controller.connectWhenHeard();
    assert.equal(await link.exchangeMtu(247), 517);
    assert.equal(await link.exchangeMtu(64), 517);
    assert.equal(await link.exchangeMtu(23), 517);
    assert.equal(await link.exchangeMtu(517), 517);
  });

  it("Exchange MTU again: a camera keeps to the smaller ATT_MTU", async ({ controller }) => {
    const link = await controller.connectWhenHeard();
    await link.exchangeMtu(517);
    await link.exchangeMtu(23);
    // Find Information over everything fills what the ATT_MTU allows.
    const answer = await link.request("04 0100 ffff");
    assert.ok(answer.length <= 23, `${answer.length} bytes`);
  });

  it("registering again keeps the subscriptions of characteristics that did not change", async ({
    controller,
    camera,
  }) => {
    const link = await controller.connectWhenHeard();
    const handle = await link.valueHandle(VALUE);
    await link.subscribe(handle + 1, 1);
    const order = await link.valueHandle(ORDER);
    await link.write(order, "01");
    await link.write(order, "02");
    await camera.line(/reached 1/);
    assert.equal(
      (await link.updates.take("a notification")).toString("hex"),
      `1b${u16(handle).toString("hex")}2b`,
    );
  });

  it("onRead, onWrite and onSubscribe work from when they are assigned", async ({ controller, camera }) => {
    const link = await controller.connectWhenHeard();
    const [handle, order] = [await link.valueHandle(VALUE), await link.valueHandle(ORDER)];
    assert.equal((await link.read(handle)).toString("hex"), "0b2a");
    await link.write(order, "03");
    assert.equal((await link.read(handle)).toString("hex"), "0b2c");
    assert.equal((await link.write(order, "09")).toString("hex").slice(-2), "80");
    await link.subscribe(handle + 1, 2);
    await camera.line(/wants false true/);
  });

  it("indicate takes force", async ({ controller, camera }) => {
    const link = await controller.connectWhenHeard();
    const [handle, order] = [await link.valueHandle(VALUE), await link.valueHandle(ORDER)];
    await link.write(order, "04");
    assert.equal(
      (await link.updates.take("an indication")).toString("hex"),
      `1d${u16(handle).toString("hex")}2d`,
    );
    await camera.line(/forced true/);
  });

  it("with no command credit the log does not say that the controller did not answer", async ({
    controller,
    camera,
  }) => {
    const reset = await controller.hold(op.reset);
    assert.equal(reset.opcode, op.reset);
    controller.send("04 0e 04 00 030c 00");
    const line = await camera.line(/attempt 1/);
    assert.match(line, /allowed no command/);
    assert.doesNotMatch(line, /did not answer/);
    await controller.advertising();
  });
});
