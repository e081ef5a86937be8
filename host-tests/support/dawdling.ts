/** Pairings that take as long as a test wants, beside others: what is decided at their beginning may be another thing at their end. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Config } from "../../firmware/ble/config.ts";
import type { Channel } from "../../firmware/ble/l2cap/channel.ts";
import type { Bond } from "../../firmware/ble/smp/keys.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "./cameras.ts";

/** Of the camera. */
export const ROLES = ["central", "peripheral"] as const;
export type Role = (typeof ROLES)[number];

/** Codes of PDUs that a device can be made to hold back. */
export const SMP_CODE = {
  REQUEST: 0x01,
  RESPONSE: 0x02,
  FAILED: 0x05,
  IDENTITY: 0x08,
  IDENTITY_ADDRESS: 0x09,
  PUBLIC_KEY: 0x0c,
  DHKEY_CHECK: 0x0d,
} as const;

/** A connection as the camera has it, and as the other device does. */
export interface Meeting {
  readonly own: DeviceConnection;
  readonly theirs: DeviceConnection;
}

/** What a device says to pair, held back from a PDU with this code on. */
export interface Held {
  /** What is not held back. */
  say(...pdu: number[]): void;
  release(): void;
}

/** A pairing that the other device has begun: how it ends for it. */
export interface Begun {
  readonly outcome: Promise<"paired" | { readonly code: string; readonly reason: number }>;
}

export interface Stage {
  readonly world: World;
  readonly camera: AiobleCamera;
  /** It has private addresses, and an identity. */
  readonly owner: AiobleCamera;
  /** A device of its own; with `identity` one that says it is this device. */
  addDevice(identity?: AiobleCamera): Promise<AiobleCamera>;
  meet(device: AiobleCamera): Promise<Meeting>;
  /** @param givesKeys it tells its identity when it pairs. */
  hold(device: AiobleCamera, meeting: Meeting, from: number, givesKeys?: boolean): Held;
  bonds(): readonly Bond[];
  bondOf(device: AiobleCamera): Bond | undefined;
}

/** The device begins to pair: as a peripheral it asks for it. It gets as far as it may before this returns. */
export async function begin({ world }: Stage, { theirs }: Meeting): Promise<Begun> {
  const outcome = theirs.pair({ timeoutMs: 400_000 }).then(
    () => "paired" as const,
    ({ code, reason }: { code: string; reason: number }) => ({ code, reason }),
  );
  await world.clock.sleep(1000);
  return { outcome };
}

export async function onStage(
  role: Role,
  config: Partial<Config>,
  work: (stage: Stage) => Promise<void>,
): Promise<void> {
  const world = createWorld(47);
  const camera = addAioble(world);
  // Who pairs begins by itself.
  camera.aioble.config({ idleTimeoutMs: 0, maxConnections: 4, securityRequestMs: 0, ...config });
  const identities = new Map<AiobleCamera, MemoryRecords>();
  const addDevice = async (identity?: AiobleCamera): Promise<AiobleCamera> => {
    const records = new MemoryRecords();
    if (identity) records.set("address", identities.get(identity)!.get("address")!);
    const device = addAioble(world, {}, undefined, records);
    identities.set(device, records);
    device.aioble.config({ idleTimeoutMs: 0 });
    return device;
  };
  const owner = await addDevice();
  owner.aioble.config({ addrMode: 2 });
  await world.run(async () => {
    await owner.host.activate();
    await work({
      ...{ world, camera, owner, addDevice },
      meet: (device) => meet(camera, role, device),
      hold: (device, { theirs }, from, givesKeys) => hold(device, theirs, from, givesKeys),
      bonds: () => camera.host.bonds!.all(),
      bondOf: ({ host }) =>
        camera.host
          .bonds!.all()
          .find(({ identity }) => identity.address.join() === host.identities.own.address.join()),
    });
  });
}

async function meet(camera: AiobleCamera, role: Role, device: AiobleCamera): Promise<Meeting> {
  const [central, peripheral] = role === "central" ? [camera, device] : [device, camera];
  const name = peripheral === camera ? "camera" : "device";
  const advertised = peripheral.aioble.advertise({ intervalUs: 50_000, name });
  const outgoing = await find(central, name);
  const incoming = await advertised;
  return role === "central" ? { own: outgoing, theirs: incoming } : { own: incoming, theirs: outgoing };
}

/** Connects to the device under whatever address it has at the moment. */
async function find(central: AiobleCamera, wanted: string): Promise<DeviceConnection> {
  for await (const { device } of central.aioble.scan({ durationMs: 5000, name: wanted })) {
    return device.connect();
  }
  throw new Error(`${wanted} is not on the air`);
}

/** The channel of a device's Security Manager. */
function channelOf({ host }: AiobleCamera, { link }: DeviceConnection): Channel {
  const { links } = host.encryption as unknown as { readonly links: Map<unknown, { channel: Channel }> };
  return links.get(link)!.channel;
}

/** See `Stage.hold`. @param theirs the connection as the device has it */
export function hold(device: AiobleCamera, theirs: DeviceConnection, from: number, givesKeys = true): Held {
  const channel = channelOf(device, theirs);
  const send = channel.send.bind(channel);
  const held: (() => void)[] = [];
  let isHolding = false;
  let isReleased = false;
  channel.send = (...args: Parameters<Channel["send"]>) => {
    const [, bytes] = args;
    const code = bytes[0]!;
    if (!givesKeys) {
      if (code === SMP_CODE.REQUEST || code === SMP_CODE.RESPONSE) bytes[5] = bytes[6] = 0;
      if (code === SMP_CODE.IDENTITY || code === SMP_CODE.IDENTITY_ADDRESS) return true;
    }
    isHolding ||= code === from;
    if (!isHolding || isReleased) return send(...args);
    held.push(() => send(...args));
    return true;
  };
  return {
    say(...pdu) {
      send(0, Uint8Array.from(pdu), 0, pdu.length);
    },
    release() {
      isReleased = true;
      for (const say of held.splice(0)) say();
    },
  };
}
