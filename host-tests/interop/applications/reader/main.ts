/** A camera that connects to a peripheral again and again, and uses all that a GATT client can do. */
import {
  type ClientCharacteristic,
  type ClientService,
  type Device,
  type DeviceConnection,
  GattError,
  scan,
} from "aioble";
import { UUID } from "bluetooth";
import {
  BATTERY,
  CLOSED,
  COMMANDS,
  COUNT,
  INDICATING,
  LEVEL,
  LONG,
  LONG_LENGTH,
  NAME,
  NOTIFYING,
  SERVICE,
  SHORT,
  VALUES,
} from "./names.ts";

const say = (line: string): void => console.log(`reader: ${line}`);

async function find(): Promise<Device> {
  for (;;) {
    for await (const result of scan({ intervalUs: 30_000, windowUs: 30_000, active: true, name: NAME })) {
      if (result.connectable) return result.device;
    }
  }
}

async function walk(connection: DeviceConnection): Promise<void> {
  for await (const service of connection.services()) {
    say(`service ${service.uuid}`);
    for await (const characteristic of service.characteristics()) {
      const descriptors: string[] = [];
      for await (const { uuid } of characteristic.descriptors()) descriptors.push(String(uuid));
      say(`characteristic ${characteristic.uuid} ${characteristic.properties} ${descriptors.join(" ")}`);
    }
  }
}

const counts = (value: Uint8Array): boolean => value.every((byte, at) => byte === (at & 0xff));

/** What became of it: "done", or the ATT code of a refusal. */
async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (error instanceof GattError) return `refused 0x${error.status.toString(16)}`;
    throw error;
  }
}

async function find1(service: ClientService, uuid: string): Promise<ClientCharacteristic> {
  const found = await service.characteristic(new UUID(uuid));
  if (!found) throw new Error(`no characteristic ${uuid}`);
  return found;
}

async function values(service: ClientService): Promise<void> {
  const notifying = await find1(service, NOTIFYING);
  const indicating = await find1(service, INDICATING);
  const received: Uint8Array[] = [];
  await notifying.subscribe();
  for (let count = 0; count < VALUES; count++) received.push(await notifying.notified({ timeoutMs: 20_000 }));
  say(`notified ${received.join(" ")}`);
  received.length = 0;
  await indicating.subscribe({ indicate: true });
  for (let count = 0; count < VALUES; count++)
    received.push(await indicating.indicated({ timeoutMs: 20_000 }));
  say(`indicated ${received.join(" ")}`);
  await notifying.subscribe({ notify: false });
  await indicating.subscribe({ notify: false });
}

async function tour(connection: DeviceConnection): Promise<void> {
  const slow = { timeoutMs: 20_000 };
  say(`mtu ${await connection.exchangeMtu({ mtu: 185 })}, asked again ${await connection.exchangeMtu()}`);
  await walk(connection);
  const battery = await connection.service(new UUID(BATTERY), slow);
  const level = await battery?.characteristic(new UUID(LEVEL), slow);
  say(`level ${await level?.read(slow)}`);
  say(`another service ${await connection.service(new UUID(0x1812), slow)}`);
  const service = await connection.service(new UUID(SERVICE), slow);
  if (!service) throw new Error("no service");
  const short = await find1(service, SHORT);
  const long = await find1(service, LONG);
  const commands = await find1(service, COMMANDS);
  const count = await find1(service, COUNT);
  const closed = await find1(service, CLOSED);
  say(`short ${await short.read(slow)}`);
  await short.write("written", slow);
  say(`short ${await short.read(slow)}`);
  const value = await long.read(slow);
  say(`long ${value.length} bytes ${value.length === LONG_LENGTH && counts(value) ? "right" : "wrong"}`);
  const other = Uint8Array.from({ length: 400 }, (_, at) => at & 0xff);
  const written = await outcome(long.write(other, slow));
  const again = await long.read(slow);
  say(`long write ${written}, ${again.length} bytes ${counts(again) ? "right" : "wrong"}`);
  for (let number = 0; number < 3; number++)
    await commands.write(new Uint8Array([number]), { response: false });
  say(`commands ${await count.read(slow)}`);
  const [first, second] = await connection.readMultiple([short, count], slow);
  say(`multiple ${first?.length} ${second?.length}`);
  say(`closed ${await outcome(closed.read(slow))}`);
  const both = await Promise.all([short.read(slow), count.read(slow), short.read(slow)]);
  say(`at once ${both.map(({ length }) => length).join(" ")}`);
  await values(service);
}

for (;;) {
  const device = await find();
  try {
    await using connection = await device.connect({ timeoutMs: 30_000 });
    say("connected");
    await tour(connection);
    say("done");
  } catch (error) {
    say(`failed: ${error}`);
  }
}
