/**
 * The application of the benchmark. The peer (peer.ts) knows its script: each step begins when the peer writes `turn`.
 */
import { advertise, Characteristic, type DeviceConnection, registerServices, Service, stop } from "aioble";
import { UUID } from "bluetooth";
import {
  CAPTURED,
  type Measure,
  REPETITIONS,
  RESTARTS,
  RESTARTS_WARM_UP,
  SERVICE,
  TURN,
  VALUE,
  VALUE_LENGTH,
  WARM_UP,
} from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

const service = new Service(new UUID(SERVICE));
const turn = new Characteristic(service, new UUID(TURN), { writeNoResponse: true });
const value = new Characteristic(service, new UUID(VALUE), { write: true, notify: true });
const captured = new Characteristic(service, new UUID(CAPTURED), { write: true, capture: true });
registerServices(service);

const advertising = { intervalUs: 100_000, name: "obscura-bench" };
const bytes = new Uint8Array(VALUE_LENGTH);
const update = { sendUpdate: true };

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

async function capturedWrites(): Promise<void> {
  let received = 0;
  for (let count = 0; count < WARM_UP + REPETITIONS; count++) {
    if (count === WARM_UP) measure.begin("capturedWrite");
    const { connection, data } = await captured.written();
    measure.close();
    if (connection.isConnected()) received += data.length;
  }
  measure.end();
  if (received !== (WARM_UP + REPETITIONS) * VALUE_LENGTH) throw new Error(`${received} bytes were captured`);
}

async function writeCycles(): Promise<void> {
  let count = 0;
  for await (const { connection, data } of captured.writes()) {
    if (!connection.isConnected() || data.length !== VALUE_LENGTH) throw new Error("a write was damaged");
    if (count === WARM_UP) {
      measure.begin("writeCycle");
      measure.open();
    }
    if (count++ === WARM_UP + REPETITIONS) break;
  }
  measure.close();
  measure.end();
}

async function idleness(): Promise<void> {
  await turn.written();
  measure.idle();
  await turn.written();
}

async function notificationsToAll(): Promise<void> {
  for (let others = 0; others < 2; others++) {
    await turn.written();
    await advertise(advertising);
  }
  for (let count = 0; count < WARM_UP + REPETITIONS; count++) {
    await turn.written();
    if (count === WARM_UP) measure.begin("notificationTo3");
    measure.open();
    value.write(bytes, update);
  }
  measure.end();
}

async function restarts(): Promise<void> {
  await turn.written();
  for (let count = 0; count < RESTARTS_WARM_UP + RESTARTS; count++) {
    if (count === RESTARTS_WARM_UP) measure.begin("stopStart");
    measure.open();
    await stop();
    const peer = await advertise(advertising);
    await peer.disconnected();
  }
  measure.end();
}

const connection = await advertise(advertising);
await notifications(connection);
await notificationCycles(connection);
await writes();
await capturedWrites();
await writeCycles();
await idleness();
await notificationsToAll();
await restarts();
measure.finish();
