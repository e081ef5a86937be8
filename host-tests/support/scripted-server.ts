/** A peer whose GATT server is a list of ATT PDUs, for a client that is a whole host in virtual time. */
import type { ClientCharacteristic } from "../../firmware/aioble/client-characteristic.ts";
import type { ClientService } from "../../firmware/aioble/client-service.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { GattClient } from "../../firmware/ble/gatt/client/client.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok } from "./assert.ts";
import { fromHex, toHex } from "./bytes.ts";
import { ATT, createRig, HANDLE, type Rig, takeFrames } from "./rig.ts";
import { aclFrame } from "./scripted-controller.ts";

export interface ScriptedServer {
  readonly rig: Rig;
  readonly connection: DeviceConnection;
  readonly gatt: GattClient;
  /** ATT PDUs that the client has sent since the last look, as text. */
  sent(): Promise<string[]>;
  /** Sends ATT PDUs, given as text. */
  send(...pdus: readonly string[]): Promise<void>;
  /**
   * Answers the requests of `work` in turn, whatever they are, and resolves with them once all answers are sent; `work`
   * need not be done by then.
   */
  answer(work: Promise<unknown>, ...answers: readonly string[]): Promise<string[]>;
}

/**
 * @param mtu exchanged by the peer, unless it is 23.
 * @param peerBytes see `createRig`.
 */
export async function createScriptedServer(mtu = 23, peerBytes?: number): Promise<ScriptedServer> {
  const rig = createRig(peerBytes);
  rig.controller.autoComplete = true;
  const connected = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect();
  const connection = await connected;
  rig.controller.sent.length = 0;
  const send = async (...pdus: readonly string[]): Promise<void> => {
    for (const pdu of pdus) rig.controller.deliver(aclFrame(HANDLE, ATT, fromHex(pdu)));
    await rig.settle();
  };
  const sent = async (): Promise<string[]> => {
    await rig.settle();
    return takeFrames(rig.controller, HANDLE)
      .filter(({ channel }) => channel === ATT)
      .map(({ payload }) => toHex(payload));
  };
  if (mtu !== 23) {
    await send(
      `02 ${(mtu & 0xff).toString(16).padStart(2, "0")} ${(mtu >> 8).toString(16).padStart(2, "0")}`,
    );
    await sent();
  }
  return {
    rig,
    connection,
    gatt: rig.host.clientOf(connection.link)!,
    sent,
    send,
    async answer(work, ...answers) {
      work.catch(() => {});
      const requests = await sent();
      for (const each of answers) {
        await send(each);
        requests.push(...(await sent()));
      }
      return requests;
    },
  };
}

export const BATTERY = new UUID(0x180f);
export const LEVEL = new UUID(0x2a19);

/** What a loop over these yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The battery service, handles 1 to 4. */
export async function findBattery({ answer, connection }: ScriptedServer, end = 4): Promise<ClientService> {
  const found = connection.service(BATTERY);
  await answer(found, `07 01 00 ${toHex(Uint8Array.of(end & 0xff, end >> 8))}`);
  return (await found)!;
}

/** Its level, handle 3, which may do everything. */
export async function findLevel(peer: ScriptedServer, properties = "ba"): Promise<ClientCharacteristic> {
  const service = await findBattery(peer);
  const found = service.characteristic(LEVEL);
  await peer.answer(found, `09 07 02 00 ${properties} 03 00 19 2a`);
  return (await found)!;
}

/** Nothing is left of what failed: the next read is sent and answered. */
export async function worksAgain({ answer, connection, rig }: ScriptedServer, level?: ClientCharacteristic) {
  ok(connection.isConnected());
  if (level) {
    const reading = level.read();
    deepEqual(await answer(reading, "0b 2a"), ["0a 03 00"]);
    deepEqual(await reading, fromHex("2a"));
  } else {
    const found = connection.service(BATTERY);
    await answer(found, "01 06 01 00 0a");
    equal(await found, undefined);
  }
  equal(rig.clock.pending, 0);
  equal(rig.host.budget.held, 0);
}
