/** What the scenarios of aioble share: finding a camera and what it serves. */
import {
  type ClientCharacteristic,
  type ClientService,
  type DeviceConnection,
  scan,
  type WaitOptions,
} from "aioble";
import { UUID } from "bluetooth";
import { CHAR, NAME, SERVICE, TIMEOUT_MS } from "../multitests/names.ts";

/** Two cameras in QEMU on a busy computer take longer than the originals' stacks. */
export const PATIENT: WaitOptions = { timeoutMs: 4 * TIMEOUT_MS };

/** How the radio listens, in microseconds: all the time. */
export const LISTENING_US = 30_000;

/** Looks for a connectable device of this name, and connects. */
export async function connectTo(name: string): Promise<DeviceConnection> {
  const options = { intervalUs: LISTENING_US, windowUs: LISTENING_US, active: true, name };
  for await (const { connectable, device } of scan(options)) {
    if (connectable) return device.connect(PATIENT);
  }
  throw new Error("a scan without an end has ended");
}

/** @throws Error when the service has no such characteristic. */
export async function find(service: ClientService | undefined, uuid: string): Promise<ClientCharacteristic> {
  const found = await service?.characteristic(new UUID(uuid), PATIENT);
  if (!found) throw new Error(`no characteristic ${uuid}`);
  return found;
}

/** Connects, and finds characteristics of the service of the multitests, the usual one when none is named. */
export async function connectAndFind(
  ...uuids: string[]
): Promise<[DeviceConnection, ClientCharacteristic, ...ClientCharacteristic[]]> {
  const connection = await connectTo(NAME);
  const service = await connection.service(new UUID(SERVICE), PATIENT);
  const [first = CHAR, ...others] = uuids;
  const found = [await find(service, first)] as [ClientCharacteristic];
  const more: ClientCharacteristic[] = [];
  for (const uuid of others) more.push(await find(service, uuid));
  return [connection, ...found, ...more];
}
