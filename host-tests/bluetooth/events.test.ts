/** Each event of the peripheral's side with its tuple, and handlers that fail. */
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { ANSWER, COMMAND, CONN, inScene } from "../support/low-level.ts";
import { describe, it } from "../support/suite.ts";

describe("bluetooth: events", () => {
  it("a central connects and disconnects: its handle, its address and the address's type", () =>
    inScene(async ({ events, listen, meet, phone, world, camera }) => {
      listen();
      const link = await meet();
      deepEqual(events, [[1, [CONN, 1, phone.address]]]);
      await link.disconnect();
      await world.clock.sleep(100);
      deepEqual(events.slice(1), [[2, [CONN, 1, phone.address]]]);
      deepEqual(diagnostics(camera), []);
    }));

  it("what a handler keeps is its own", () =>
    inScene(async ({ events, listen, meet, phone, world }) => {
      listen();
      await meet().then((link) => link.disconnect());
      await world.clock.sleep(100);
      const addresses = events.map(([, data]) => data[2] as Uint8Array);
      addresses[0]!.fill(0);
      deepEqual(addresses[1], phone.address);
    }));

  it("a write, with and without response, once its value is stored", () =>
    inScene(async ({ ble, register, meet, world }) => {
      const { command, descriptor } = register();
      const seen: unknown[] = [];
      ble.irq((event, data) => {
        if (event === 3) seen.push([...data, ble.gattsRead(data[1])]);
      });
      const link = await meet();
      await link.write(command, new Uint8Array([1, 2]));
      await link.writeWithoutResponse(command, new Uint8Array([3]));
      await link.write(descriptor, new Uint8Array([4]));
      await world.clock.sleep(100);
      deepEqual(seen, [
        [CONN, command, new Uint8Array([1, 2])],
        [CONN, command, new Uint8Array([3])],
        [CONN, descriptor, new Uint8Array([4])],
      ]);
    }));

  it("no write for a subscription, a refused write, or what the stack itself serves", () =>
    inScene(async ({ events, listen, register, meet }) => {
      const { answer, command } = register();
      listen();
      const link = await meet();
      await link.exchangeMtu(100);
      const database = await link.discover();
      await link.subscribe(database.characteristic(ANSWER));
      await rejects(link.write(command, new Uint8Array(21)), { code: 0x0d });
      await rejects(link.write(answer, new Uint8Array(1)), { code: 0x03 });
      await link.write(database.characteristic(0x2b29), new Uint8Array([1]));
      deepEqual(
        events.map(([event]) => event),
        [1, 21],
      );
    }));

  it("a read, before it is answered: the handler may set the value, or refuse", () =>
    inScene(async ({ ble, events, register, meet }) => {
      const { command, answer, descriptor } = register();
      let reads = 0;
      ble.irq((...event) => {
        events.push(event);
        if (event[0] !== 4) return undefined;
        if (event[1][1] === answer) return 0x08;
        ble.gattsWrite(event[1][1], new Uint8Array([++reads]));
        return 0;
      });
      const link = await meet();
      deepEqual(await link.read(command), new Uint8Array([1]));
      deepEqual(await link.read(descriptor), new Uint8Array([2]));
      await rejects(link.read(answer), { code: 0x08 });
      deepEqual(events.slice(1), [
        [4, [CONN, command]],
        [4, [CONN, descriptor]],
        [4, [CONN, answer]],
      ]);
    }));

  it("each code that may deny a read, and none for discovery and the stack's own values", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command } = register();
      let code = 0;
      const asked: number[] = [];
      ble.irq((event, data) => {
        if (event === 4) asked.push(data[1]);
        return code;
      });
      const link = await meet();
      await link.discover();
      await link.read(3);
      deepEqual(asked, []);
      for (code of [0x02, 0x05, 0x08, 0x0f, 0x80, 0xff]) await rejects(link.read(command), { code });
      equal(asked.length, 6);
    }));

  it("a value that is read in parts is asked for once, and its parts fit together", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command } = register();
      const value = (fill: number) => new Uint8Array(60).fill(fill);
      let reads = 0;
      ble.irq((event, data) => {
        if (event === 4) ble.gattsWrite(data[1], value(++reads));
      });
      const link = await meet();
      deepEqual(await link.read(command), value(1));
      deepEqual(await link.read(command), value(2));
      ble.irq(null);
      ble.gattsWrite(command, value(9));
      deepEqual(await link.read(command), value(9));
      equal(reads, 2);
    }));

  it("an indication is confirmed, or will not be", () =>
    inScene(async ({ ble, events, listen, register, meet, world }) => {
      const { answer } = register();
      const link = await meet();
      await link.subscribe((await link.discover()).characteristic(ANSWER), "indicate");
      listen();
      equal(ble.gattsIndicate(CONN, answer, new Uint8Array([1])), true);
      deepEqual(events, []);
      equal((await link.nextValue()).kind, "indication");
      await world.clock.sleep(100);
      deepEqual(events, [[20, [CONN, answer, 0]]]);
      link.att.confirms = false;
      ble.gattsIndicate(CONN, answer, new Uint8Array([2]));
      ble.gattsIndicate(CONN, answer, new Uint8Array([3]));
      await link.nextValue();
      await link.disconnect();
      await world.clock.sleep(100);
      deepEqual(
        events.slice(1).map(([event, data]) => [event, data[2]]),
        [
          [20, 7],
          [20, 7],
          [2, events.at(-1)![1][2]],
        ],
      );
    }));

  it("an indication that waits when other services are registered will not be confirmed", () =>
    inScene(async ({ ble, events, listen, register, meet, world }) => {
      const { answer } = register();
      const link = await meet();
      await link.subscribe((await link.discover()).characteristic(ANSWER), "indicate");
      link.att.confirms = false;
      ble.gattsIndicate(CONN, answer, new Uint8Array([1]));
      ble.gattsIndicate(CONN, answer, new Uint8Array([2]));
      await link.nextValue();
      listen();
      register();
      deepEqual(events, [[20, [CONN, answer, 7]]]);
      await world.clock.sleep(500);
      equal(link.att.values.length, 1);
    }));

  it("reads by type and of several values are asked for too", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command, answer } = register();
      const asked: number[] = [];
      let code = 0;
      ble.irq((event, data) => {
        if (event !== 4) return undefined;
        asked.push(data[1]);
        return data[1] === answer ? code : 0;
      });
      const link = await meet();
      const byType = new Uint8Array([0x08, 1, 0, 0xff, 0xff, ANSWER & 0xff, ANSWER >> 8]);
      const multiple = new Uint8Array([0x0e, command, 0, answer, 0]);
      await link.att.requestRaw(byType);
      await link.att.requestRaw(multiple);
      deepEqual(asked, [answer, command, answer]);
      code = 0x05;
      await rejects(link.att.requestRaw(byType), { code });
      await rejects(link.att.requestRaw(multiple), { code });
    }));

  it("the ATT_MTU is exchanged", () =>
    inScene(async ({ events, listen, meet }) => {
      listen();
      const link = await meet();
      await link.exchangeMtu(185);
      deepEqual(events.slice(1), [[21, [CONN, 185]]]);
    }));

  it("the link's timing changes: 1.25 ms, events, 10 ms, status", () =>
    inScene(async ({ events, listen, meet, world }) => {
      listen();
      const link = await meet();
      await link.update({ intervalMs: 60, latency: 3, supervisionTimeoutMs: 5000 });
      await world.clock.sleep(500);
      deepEqual(events.slice(1), [[27, [CONN, 48, 3, 500, 0]]]);
    }));

  it("a handler that throws a thousand times keeps getting events, and the stack goes on", () =>
    inScene(async ({ ble, register, meet, camera, world }) => {
      const { command } = register();
      const counts = new Map<number, number>();
      ble.irq((event) => {
        counts.set(event, (counts.get(event) ?? 0) + 1);
        throw new Error("careless");
      });
      const link = await meet();
      await link.exchangeMtu(100);
      for (let turn = 0; turn < 500; turn++) {
        await link.write(command, new Uint8Array([turn & 0xff]));
        deepEqual(await link.read(command), new Uint8Array([turn & 0xff]));
      }
      await link.disconnect();
      await world.clock.sleep(100);
      deepEqual(
        [...counts],
        [
          [1, 1],
          [21, 1],
          [3, 500],
          [4, 500],
          [2, 1],
        ],
      );
      const lines = diagnostics(camera);
      ok(lines.length < 50, "a peer does not fill the log");
      equal(lines.length + camera.host.counters.peers.unloggedLines, 1003);
      ok(lines.every((line) => line.startsWith("bluetooth: the irq handler failed at event ")));
      ok(lines[0]!.endsWith("Error: careless"));
    }));

  it("what a handler returns for other events changes nothing, and what is no code is in the log and changes nothing either", () =>
    inScene(async ({ ble, register, meet, camera }) => {
      const { command } = register();
      let answer: unknown = 5;
      ble.irq((event) => (event === 4 ? answer : 5));
      const link = await meet();
      await link.write(command, new Uint8Array([7]));
      for (answer of [undefined, null, true, "5", Promise.resolve(5), new Uint8Array([1])]) {
        deepEqual(await link.read(command), new Uint8Array([7]));
      }
      deepEqual(
        diagnostics(camera),
        ["true", '"5"', "[object Promise]", "1"].map(
          (shown) =>
            `bluetooth: the irq handler failed: ${shown} is no answer to event 4: return a number, or nothing, at once`,
        ),
      );
    }));

  it("a handler may call everything, also take itself away", () =>
    inScene(async ({ ble, register, meet, world, phone, camera }) => {
      const { command } = register();
      const seen: number[] = [];
      ble.irq((event, data) => {
        seen.push(event);
        if (event === 3) ble.gapDisconnect(data[0]);
        if (event === 2) void ble.gapAdvertise(100_000);
        if (event === 2) ble.irq(null);
      });
      const link = await meet();
      await link.writeWithoutResponse(command, new Uint8Array([5]));
      equal(await link.disconnected(), 0x13);
      await world.clock.sleep(100);
      const again = await phone.connect(await phone.find({ name: "low" }));
      await again.disconnect();
      deepEqual(seen, [1, 3, 2]);
      deepEqual(diagnostics(camera), []);
    }));

  it("takes a function or null", () =>
    inScene(async ({ ble }) => {
      throws(() => ble.irq(undefined as never), TypeError);
      throws(() => ble.irq({} as never), TypeError);
    }));
});

describe("bluetooth: a handler beside aioble", () => {
  it("is notified of everything that happens to aioble", () =>
    inScene(async ({ ble, events, camera, phone, world }) => {
      const { advertise, Characteristic, registerServices, Service } = camera.aioble;
      const { UUID } = camera.bluetooth;
      const service = new Service(new UUID(0x1815));
      const command = new Characteristic(service, new UUID(COMMAND), { read: true, write: true });
      const answer = new Characteristic(service, new UUID(ANSWER), { indicate: true });
      registerServices(service);
      ble.irq((...event) => void events.push(event));
      const advertised = advertise({ intervalUs: 100_000, name: "high" });
      const link = await phone.connect(await phone.find({ name: "high" }));
      const connection = await advertised;
      const written = command.written();
      await link.write(16, new Uint8Array([1]));
      equal(await written, connection);
      await link.read(16);
      await link.subscribe((await link.discover()).characteristic(ANSWER), "indicate");
      equal(await answer.indicate(connection, new Uint8Array([1])), true);
      await connection.disconnect();
      deepEqual(events, [
        [1, [CONN, 1, phone.address]],
        [3, [CONN, 16]],
        [4, [CONN, 16]],
        [20, [CONN, 18, 0]],
        [2, [CONN, 1, phone.address]],
      ]);
      deepEqual(diagnostics(camera), []);
      await world.clock.sleep(1);
    }));

  it("may deny a read before onRead is asked, and when it fails onRead is asked", () =>
    inScene(async ({ ble, camera, phone }) => {
      const { advertise, Characteristic, registerServices, Service } = camera.aioble;
      const { UUID } = camera.bluetooth;
      let asked = 0;
      class Asked extends Characteristic {
        override onRead(): Uint8Array {
          asked++;
          return new Uint8Array([9]);
        }
      }
      const service = new Service(new UUID(0x1815));
      new Asked(service, new UUID(COMMAND), { read: true });
      registerServices(service);
      let deny: () => number = () => 0x02;
      ble.irq((event) => (event === 4 ? deny() : 0));
      const advertised = advertise({ intervalUs: 100_000, name: "high" });
      const link = await phone.connect(await phone.find({ name: "high" }));
      await advertised;
      await rejects(link.read(16), { code: 0x02 });
      equal(asked, 0);
      deny = () => {
        throw new Error("careless");
      };
      deepEqual(await link.read(16), new Uint8Array([9]));
      deny = () => 0;
      deepEqual(await link.read(16), new Uint8Array([9]));
      equal(asked, 2);
    }));
});
