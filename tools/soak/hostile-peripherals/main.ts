/**
 * The camera of the soak hostile-peripherals: scans, keeps a link to an honest peer, and opens sessions with hostile ones,
 * each in a task of its own. Every few seconds it says how far each has come, and what of its heap is in use.
 */
import { ADDR_RANDOM, BleError, Device, type DeviceConnection, scan } from "aioble";
import { FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, UUID } from "bluetooth";
import { BEACON, type Figures, HOSTILE, PSM, REPORT_MS, VALUE } from "./script.ts";

/** What the image of the soak adds to the globals. */
const { memory } = globalThis as unknown as { memory(): { slots: number; chunks: number } };

const figures: Figures = { sessions: 0, reads: 0, echoes: 0, notified: 0, sightings: 0 };
const wait = { timeoutMs: 3000 };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Anything but an error of the stack's is a defect, which restarts the camera. */
function check(error: unknown): void {
  if (!(error instanceof BleError)) throw error;
}

const deviceOf = (index: number): Device =>
  new Device(ADDR_RANDOM, Uint8Array.from([0xc5, 4, 3, 2, 1, index]));

async function listen(): Promise<never> {
  for (;;) {
    const timing = { intervalUs: 30_000, windowUs: 30_000, active: true, durationMs: 20_000 };
    for await (const result of scan({ ...timing, duplicates: "packets" })) {
      if (result.name() === BEACON) figures.sightings++;
      result.services();
      result.manufacturer();
    }
  }
}

/** @throws what ends the link to the honest peer: nothing should. */
async function stay(): Promise<never> {
  const connection = await deviceOf(0).connect({ timeoutMs: 60_000 });
  const service = await connection.service(new UUID(0x180f), { timeoutMs: 30_000 });
  const value = await service?.characteristic(new UUID(VALUE), { timeoutMs: 30_000 });
  if (!value) throw new Error("the honest peer's value was not found");
  await value.subscribe({ timeoutMs: 30_000 });
  const channel = await connection.l2capConnect(PSM, { timeoutMs: 30_000 });
  const follow = async (): Promise<void> => {
    for await (const _ of value.notifications()) figures.notified++;
  };
  follow().catch((error: unknown) => console.log("honest:", error));
  for (;;) {
    await value.read({ timeoutMs: 30_000 });
    figures.reads++;
    await channel.send("echo");
    await channel.recv({ timeoutMs: 30_000 });
    figures.echoes++;
    await sleep(1000);
  }
}

async function discover(connection: DeviceConnection): Promise<void> {
  await connection.exchangeMtu({ mtu: 185, ...wait });
  for await (const service of connection.services(undefined, wait)) {
    for await (const characteristic of service.characteristics(undefined, wait)) {
      for await (const descriptor of characteristic.descriptors(wait)) String(descriptor);
      const has = (flag: number): boolean => (characteristic.properties & flag) !== 0;
      if (has(FLAG_READ)) await characteristic.read(wait).catch(check);
      if (has(FLAG_WRITE)) await characteristic.write(new Uint8Array(40), wait).catch(check);
      if (has(FLAG_NOTIFY)) await characteristic.subscribe(wait).catch(check);
    }
  }
}

async function useChannels(connection: DeviceConnection): Promise<void> {
  for (const channel of await connection.l2capConnectMultiple(PSM, 2, { mtu: 200, mps: 64, ...wait })) {
    await channel.send(new Uint8Array(300), wait).catch(check);
    await channel.reconfigure({ mtu: 300, ...wait }).catch(check);
    await channel.recv(wait).catch(check);
    await channel.disconnect().catch(check);
  }
}

async function openSession(index: number): Promise<never> {
  for (;;) {
    try {
      const connection = await deviceOf(index).connect({ timeoutMs: 10_000 });
      figures.sessions++;
      const outcomes = await Promise.allSettled([discover(connection), useChannels(connection)]);
      for (const outcome of outcomes) if (outcome.status === "rejected") check(outcome.reason);
      await connection.disconnect();
    } catch (error) {
      check(error);
    }
    await sleep(200);
  }
}

setInterval(() => {
  console.log(`figures ${JSON.stringify({ ...figures, ...memory() })}`);
}, REPORT_MS);

const tasks: Promise<never>[] = [listen(), stay()];
for (let index = 1; index <= HOSTILE; index++) tasks.push(openSession(index));
await Promise.all(tasks);
