/**
 * The application of the benchmark. The peer (peer.ts) knows its script: each step begins when the peer writes `turn`.
 */
import { advertise, Characteristic, type DeviceConnection, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { type Measure, REPETITIONS, SERVICE, TURN, VALUE, VALUE_LENGTH, WARM_UP } from "./script.ts";

declare const measure: Measure;

const service = new Service(new UUID(SERVICE));
const turn = new Characteristic(service, new UUID(TURN), { writeNoResponse: true });
const value = new Characteristic(service, new UUID(VALUE), { write: true, notify: true });
registerServices(service);

const bytes = new Uint8Array(VALUE_LENGTH);

async function notifications(connection: DeviceConnection): Promise<void> {
  for (let count = 0; count < WARM_UP + REPETITIONS; count++) {
    await turn.written();
    if (count === WARM_UP) measure.begin("notification");
    measure.open();
    await value.notify(connection, bytes);
  }
  measure.end();
}

async function notificationCycles(connection: DeviceConnection): Promise<void> {
  await turn.written();
  for (let count = 0; count < WARM_UP + REPETITIONS; count++) {
    if (count === WARM_UP) {
      measure.begin("notificationCycle");
      measure.open();
    }
    await value.notify(connection, bytes);
  }
  measure.close();
  measure.end();
}

async function writes(): Promise<void> {
  for (let count = 0; count < WARM_UP + REPETITIONS; count++) {
    if (count === WARM_UP) measure.begin("write");
    await value.written();
    measure.close();
  }
  measure.end();
}

async function idleness(): Promise<void> {
  await turn.written();
  measure.idle();
  await turn.written();
}

const connection = await advertise({ intervalUs: 100_000, name: "obscura-bench" });
await notifications(connection);
await notificationCycles(connection);
await writes();
await idleness();
measure.finish();
