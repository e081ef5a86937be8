/** Cameras under attack by pairing, and a false peripheral. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { PairOptions } from "../../firmware/aioble/security.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { equal, rejects } from "./assert.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "./cameras.ts";

export const ADVERTISING = { intervalUs: 100_000, name: "camera" };
export const SMP = 0x0006;
export const VALUE = new UUID(0xfff1);

export const CODE = { REQUEST: 1, RESPONSE: 2, CONFIRM: 3, RANDOM: 4, FAILED: 5, PUBLIC_KEY: 12 } as const;
/** A camera that demands an encrypted link for its value, and has records that can be looked at. */
export function addCamera(world: World): { readonly camera: AiobleCamera; readonly records: MemoryRecords } {
  const records = new MemoryRecords();
  const camera = addAioble(world, {}, undefined, records);
  const { Characteristic, config, registerServices, Service } = camera.aioble;
  config({ idleTimeoutMs: 0 });
  const service = new Service(new UUID(0xfff0));
  new Characteristic(service, VALUE, { read: true, notify: true, initial: "value", security: "encrypted" });
  registerServices(service);
  return { camera, records };
}

/** A false peripheral, whose Security Manager is this function: it is given a PDU and returns those that it answers with. */
export async function pairWithFalsePeripheral(
  { seed = 22, ...options }: PairOptions & { readonly seed?: number },
  answer: (pdu: Uint8Array) => Uint8Array | readonly Uint8Array[] | undefined,
): Promise<{ readonly heard: readonly number[][]; readonly reason: unknown; readonly bonds: number }> {
  const world = createWorld(seed);
  const [{ camera }, peripheral] = [addCamera(world), addAioble(world)];
  const heard: number[][] = [];
  return world.run(async () => {
    const advertised = peripheral.aioble.advertise(ADVERTISING);
    const { ADDR_RANDOM, Device } = camera.aioble;
    const connection: DeviceConnection = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    const channel = (await advertised).link.l2cap.openFixed(SMP, 65);
    channel.receiver = {
      receive(view, start, length) {
        const pdu = new Uint8Array(
          view.buffer.slice(view.byteOffset + start, view.byteOffset + start + length) as ArrayBuffer,
        );
        heard.push([...pdu]);
        for (const reply of [answer(pdu) ?? []].flat() as Uint8Array[])
          channel.send(0, reply, 0, reply.length);
      },
    };
    let reason: unknown;
    await rejects(
      connection.pair(options).catch((error: unknown) => {
        reason = (error as { readonly reason?: number }).reason;
        throw error;
      }),
      { code: "pairing-failed" },
    );
    equal(connection.encrypted, false);
    await world.clock.sleep(1000);
    return { heard, reason, bonds: camera.aioble.security.bonds.size };
  });
}

export const responseTo = (request: Uint8Array, io: number): Uint8Array => {
  const response = request.slice();
  response[0] = CODE.RESPONSE;
  response[1] = io;
  return response;
};
