/** Where aioble's documentation and aioble differ, and what we do: docs/differences.md has the whole list. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { CHAR_UUID, createPair, findCharacteristics, SERVICE_UUID, text } from "../multi/pair.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000 };

describe("aioble: documentation and implementation", () => {
  it("stop() ends every wait with its usual error, and the next call starts again (C2)", async () => {
    const { world, camera, connect } = createPair();
    const { advertise, Characteristic, registerServices, Service, stop } = camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { write: true, indicate: true });
    registerServices(service);
    await world.run(async () => {
      for (let round = 0; round < 3; round++) {
        const advertised = advertise(OPTIONS);
        const link = await connect();
        const connection = await advertised;
        const [target] = await findCharacteristics(link, CHAR_UUID);
        await link.subscribe(target!, "indicate");
        link.att.confirms = false;
        const ends = [
          connection.disconnected(),
          rejects(characteristic.indicate(connection, "x", { timeoutMs: 20_000 }), {
            name: "DeviceDisconnectedError",
          }),
          rejects(characteristic.written(), { code: "radio-off" }),
          rejects(advertise(OPTIONS), { code: "radio-off" }),
        ];
        await world.clock.sleep(500);
        await stop();
        await Promise.all(ends);
        equal(await link.disconnected(), 0x15);
      }
    });
  });

  it("a beacon's advertise() rejects with TimeoutError each time; broadcast() goes on (C6)", async () => {
    const { world, camera, phone } = createPair();
    const { advertise, broadcast, TimeoutError } = camera.aioble;
    const data = (round: number) => [0xffff, new Uint8Array([round])] as const;
    await world.run(async () => {
      for (let round = 0; round < 3; round++) {
        const options = { ...OPTIONS, connectable: false, manufacturer: data(round), timeoutMs: 1000 };
        await rejects(advertise(options), TimeoutError);
      }
      await using beacon = await broadcast({ ...OPTIONS, manufacturer: data(0) });
      for (let round = 1; round < 4; round++) {
        await beacon.update({ manufacturer: data(round) });
        const reports = await phone.scan(1000);
        ok(reports.length > 3);
        equal(reports.at(-1)!.data.at(-1), round);
      }
    });
  });

  it("a client that has not subscribed is sent nothing, by no call (C11)", async () => {
    const { world, camera, connect } = createPair();
    const { advertise, Characteristic, registerServices, Service } = camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { notify: true, indicate: true };
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      const connection = await advertised;
      equal(characteristic.write("a", { sendUpdate: true }), 0);
      equal(await characteristic.notify(connection, "b"), false);
      equal(await characteristic.indicate(connection, "c"), false);
      await world.clock.sleep(1000);
      deepEqual(link.att.values, []);
    });
  });

  it("a BufferedCharacteristic keeps its initial value (C13)", async () => {
    const { world, camera, connect } = createPair();
    const { advertise, BufferedCharacteristic, registerServices, Service } = camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { read: true, maxLen: 100, initial: "initial" };
    const characteristic = new BufferedCharacteristic(service, new UUID(CHAR_UUID), options);
    registerServices(service);
    equal(text(characteristic.read()), "initial");
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      await advertised;
      const [target] = await findCharacteristics(link, CHAR_UUID);
      equal(text(await link.read(target!)), "initial");
    });
  });

  it("a request that is too long is refused, a command dropped; neither is cut short (C17)", async () => {
    const { world, camera, connect } = createPair();
    const { advertise, Characteristic, registerServices, Service } = camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { read: true, write: true, writeNoResponse: true, initial: "as it was" };
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      await advertised;
      await link.exchangeMtu();
      const [target] = await findCharacteristics(link, CHAR_UUID);
      await rejects(link.write(target!, new Uint8Array(21)), { name: "AttErrorResponse", code: 0x0d });
      await link.writeWithoutResponse(target!, new Uint8Array(21));
      await rejects(characteristic.written({ timeoutMs: 1000 }), { code: "timeout" });
      equal(text(characteristic.read()), "as it was");
      await link.write(target!, new Uint8Array(20));
      await characteristic.written();
    });
  });

  it("the ATT status of an error is the plain code (C18)", () => {
    const { BleError, GattError } = createPair().camera.aioble;
    const error = new GattError(0x02);
    equal(error.status, 0x02);
    equal(error.code, "gatt-error");
    ok(error instanceof BleError);
    ok(error.message.includes("read not permitted"), error.message);
  });

  it("the ATT_MTU is what the phone asks for, up to 517 (C8)", async () => {
    for (const [asked, agreed] of [
      [23, 23],
      [185, 185],
      [512, 512],
      [517, 517],
      [1000, 517],
    ] as const) {
      const { world, camera, connect } = createPair();
      await world.run(async () => {
        const advertised = camera.aioble.advertise(OPTIONS);
        const link = await connect();
        const connection = await advertised;
        equal(connection.mtu, 23, "before it is exchanged");
        equal(await link.exchangeMtu(asked), agreed);
        equal(connection.mtu, agreed);
      });
    }
  });

  it("services are registered before the radio is on, or after; registering switches nothing on (C14)", async () => {
    const value = new Uint8Array([7]);
    for (const when of ["before", "after"]) {
      const { world, camera, connect } = createPair();
      const { advertise, Characteristic, registerServices, Service } = camera.aioble;
      const service = new Service(new UUID(SERVICE_UUID));
      new Characteristic(service, new UUID(CHAR_UUID), { read: true, initial: value });
      await world.run(async () => {
        if (when === "before") {
          registerServices(service);
          await world.clock.sleep(1000);
          equal(camera.platform.transport.opened, 0);
        }
        const advertised = advertise(OPTIONS);
        const link = await connect();
        if (when === "after") registerServices(service);
        await advertised;
        const [target] = await findCharacteristics(link, CHAR_UUID);
        deepEqual(await link.read(target!), value);
      });
    }
  });
});
