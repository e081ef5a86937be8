/**
 * Settings that only the camera's owner may change. They demand an encrypted link of a bonded device; who may bond is
 * decided by a window of a minute after power-on, which a button's handler would open as well.
 */
import {
  advertise,
  Characteristic,
  config,
  type DeviceConnection,
  registerServices,
  Service,
  security,
} from "aioble";
import { UUID } from "bluetooth";

const SETTINGS = new UUID("7a100000-52c4-4f0e-9c61-2d1f4b8e6a01");
const INTERVAL = new UUID("7a100001-52c4-4f0e-9c61-2d1f4b8e6a01");
const PICTURES = new UUID("7a100002-52c4-4f0e-9c61-2d1f4b8e6a01");

/** Seconds between two pictures. */
const INTERVAL_MIN_S = 1;
const INTERVAL_MAX_S = 60;
/** Application errors are 0x80 to 0x9F (Vol 3, Part F, 3.4.1.1). */
const OUT_OF_RANGE = 0x80;

config({ pairing: "window" });
security.openPairing({ durationMs: 60_000 });

/** A pairing without bonding encrypts the link too; here it takes a bond. */
const isBonded = (connection: DeviceConnection): boolean => connection.bonded;

const settings = new Service(SETTINGS);
/** uint8, seconds. Everybody may read it. */
const interval = new Characteristic(settings, INTERVAL, {
  read: true,
  write: true,
  initial: Uint8Array.of(2),
  security: { write: "encrypted" },
  authorize: (connection, access) => access === "read" || isBonded(connection),
});
/** uint16: pictures since power-on. */
const pictures = new Characteristic(settings, PICTURES, {
  read: true,
  notify: true,
  initial: Uint8Array.of(0, 0),
  security: "encrypted",
  authorize: isBonded,
});
registerServices(settings);

interval.onWrite = (_, data) => {
  const [seconds = 0] = data;
  if (data.length !== 1 || seconds < INTERVAL_MIN_S || seconds > INTERVAL_MAX_S) return OUT_OF_RANGE;
  console.log(`a picture every ${seconds} s`);
  return undefined;
};

async function takePictures(): Promise<void> {
  for (let count = 1; ; count++) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * (interval.read()[0] ?? INTERVAL_MIN_S)));
    pictures.write(Uint8Array.of(count & 0xff, (count >> 8) & 0xff), { sendUpdate: true });
  }
}

async function serve(): Promise<void> {
  for (;;) {
    await using connection = await advertise({
      intervalUs: 100_000,
      name: "obscura-settings",
      services: [SETTINGS],
    });
    console.log(`connected: ${connection.device.addrHex()}`);
    await connection.disconnected();
    console.log("disconnected");
  }
}

const known = security.bonds.list().length;
console.log(known === 0 ? "nobody owns this camera yet" : `bonds: ${known}`);
await Promise.all([takePictures(), serve()]);
