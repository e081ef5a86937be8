/** Everything that a camera can offer, in one database, for a session that uses all of it. */
import {
  advertise,
  BufferedCharacteristic,
  Characteristic,
  Descriptor,
  type DeviceConnection,
  registerServices,
  Service,
  stop,
} from "aioble";
import { UUID } from "bluetooth";
import {
  CLOSED,
  COMMAND,
  CONTROL,
  LEFT,
  LONG,
  MANY,
  NAME,
  NOTE,
  REFUSAL,
  RIGHT,
  SECONDARY,
  SERVICE,
  SHORT,
  SURE,
  WIDE,
} from "./names.ts";

class Closed extends Characteristic {
  override onRead(): number {
    return REFUSAL;
  }
  override onWrite(): number {
    return REFUSAL + 1;
  }
}

const secondary = new Service(new UUID(SECONDARY), { secondary: true });
new Characteristic(secondary, new UUID(0x2a19), { read: true, initial: new Uint8Array([100]) });
// Not included: tshark 4.0 takes an include declaration without a UUID (Vol 3, Part G, 3.2) for a broken one.
const wide = new Service(new UUID(WIDE));
const service = new Service(new UUID(SERVICE), { includes: [secondary] });
const everyWrite = { read: true, write: true, writeNoResponse: true, reliableWrite: true } as const;
const long = new BufferedCharacteristic(service, new UUID(LONG), {
  ...everyWrite,
  maxLen: 512,
  initial: Uint8Array.from({ length: 300 }, (_, index) => index & 0xff),
  description: "a long value",
  // Unsigned 8 bits, without a unit.
  format: { format: 0x04, unit: 0x2700 },
});
new Descriptor(long, new UUID(NOTE), { read: true, write: true, initial: "note" });
new BufferedCharacteristic(service, new UUID(SHORT), { ...everyWrite, maxLen: 40, initial: "short" });
const left = new Characteristic(service, new UUID(LEFT), { read: true, notify: true, initial: "left" });
const right = new Characteristic(service, new UUID(RIGHT), { read: true, notify: true, initial: "right" });
const sure = new Characteristic(service, new UUID(SURE), { read: true, indicate: true, initial: "sure" });
new Closed(service, new UUID(CLOSED), { read: true, write: true });
const control = new Characteristic(service, new UUID(CONTROL), { write: true, capture: true });

async function obey(command: number | undefined, connection: DeviceConnection): Promise<void> {
  if (command === COMMAND.NOTIFY) await left.notify(connection, "notified");
  else if (command === COMMAND.NOTIFY_MULTIPLE)
    await Characteristic.notifyMultiple(connection, [left, right]);
  else if (command === COMMAND.INDICATE) await sure.indicate(connection, "indicated", { timeoutMs: 5000 });
  else if (command === COMMAND.STOP) await stop();
  else if (command === COMMAND.FLOOD) flood();
  else if (command === COMMAND.STREAM) await stream(connection);
}

/** Far more than there is room for. */
function flood(): void {
  let reached = 0;
  for (let number = 0; number < MANY; number++)
    reached += left.write(new Uint8Array([number]), { sendUpdate: true });
  left.write("left");
  console.log(`flood: ${reached} reached`);
}

async function stream(connection: DeviceConnection): Promise<void> {
  for (let number = 0; number < MANY; number++) await left.notify(connection, new Uint8Array([number]));
}

async function follow(): Promise<void> {
  for await (const { connection, data } of control.writes()) {
    await obey(data[0], connection).catch((error) => console.error(`command ${data[0]}: ${error}`));
  }
}

async function serve(): Promise<void> {
  for (;;) {
    await using connection = await advertise({
      intervalUs: 50_000,
      name: NAME,
      services: [new UUID(0x181a)],
      appearance: 0x0540,
      txPower: 4,
      manufacturer: [0xffff, new Uint8Array(12)],
      serviceData: [[new UUID(0x181a), new Uint8Array([1, 2, 3])]],
      uri: "https://x.org",
    });
    await connection.disconnected();
  }
}

registerServices(service, secondary, wide);
await Promise.all([follow(), serve()]);
