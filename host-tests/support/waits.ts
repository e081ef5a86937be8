/** Every wait of the public API, in one table, with cameras on which each can be waited for. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import type { WaitOptions } from "../../firmware/aioble/wait.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

export const ADVERTISING = { intervalUs: 50_000 };
const LISTENING = { intervalUs: 30_000, windowUs: 30_000 };
const PSM = 0x80;
const READ_RSSI = 0x1405;
const READ_PHY = 0x2030;
const SET_DATA_LENGTH = 0x2022;
const CONNECTION_UPDATE = 0x2013;

/** Two cameras that are connected, a third that is not, and everything that may be waited for. */
export interface Scene {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  readonly third: AiobleCamera;
  /** The central's and the peripheral's end of the link. */
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
  /** Of the peripheral: a value that clients read, write and are sent, and that records what they write. */
  readonly value: ReturnType<typeof serve>;
  /** The same, as the central sees it. */
  readonly remote: Awaited<ReturnType<typeof lookFor>>;
  /** A channel that is open, at the central's and at the peripheral's end. */
  readonly channel: L2CAPChannel;
  readonly other: L2CAPChannel;
}

/** How a wait ends when its link does, or the radio. */
export type End = "value" | "done" | "device-disconnected" | "l2cap-disconnected" | "radio-off";

export interface Row {
  readonly name: string;
  /** Begins the wait. */
  begin(scene: Scene, options: WaitOptions): Promise<unknown>;
  /** Brings the value about; left out: it comes by itself, unless the two cannot hear each other. */
  bring?(scene: Scene): unknown;
  /** Keeps the value away: the radios, where left out and nothing has to be brought, or the answer to a command. */
  readonly delayed?: number;
  /** When the link ends; undefined: no link is concerned. */
  readonly onLoss?: End;
  /** When the radio of the camera that waits is switched off. */
  readonly onStop: End;
  /** Who waits: the central unless it says so. */
  readonly waiter?: "peripheral";
  /** A step of a loop, which has no timeoutMs. */
  readonly isStep?: true;
}

function serve({ aioble, bluetooth }: AiobleCamera) {
  const { BufferedCharacteristic, Descriptor, Service } = aioble;
  const uuid = new bluetooth.UUID(0x1234);
  const included = new Service(new bluetooth.UUID(0x1235), { secondary: true });
  const service = new Service(uuid, { includes: [included] });
  const all = { read: true, write: true, notify: true, indicate: true } as const;
  const plain = new BufferedCharacteristic(service, new bluetooth.UUID(0x2a00), {
    ...all,
    maxLen: 100,
    reliableWrite: true,
  } as never);
  const captured = new BufferedCharacteristic(service, new bluetooth.UUID(0x2a01), {
    ...all,
    capture: true,
  });
  new Descriptor(plain, new bluetooth.UUID(0x2901), { read: true, write: true, initial: "text" });
  aioble.registerServices(included, service);
  return { plain, captured };
}

async function lookFor({ bluetooth }: AiobleCamera, connection: DeviceConnection) {
  const { UUID } = bluetooth;
  const service = (await connection.service(new UUID(0x1234)))!;
  const plain = (await service.characteristic(new UUID(0x2a00)))!;
  const captured = (await service.characteristic(new UUID(0x2a01)))!;
  const descriptor = (await plain.descriptor(new UUID(0x2901)))!;
  return { service, plain, captured, descriptor };
}

export async function inScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const world = createWorld(4);
  const [central, peripheral, third] = [addAioble(world), addAioble(world), addAioble(world)];
  const { ADDR_RANDOM, Device } = central.aioble;
  peripheral.aioble.config({ idleTimeoutMs: 0 });
  central.aioble.config({ idleTimeoutMs: 0 });
  await world.run(async () => {
    const value = serve(peripheral);
    const advertised = peripheral.aioble.advertise(ADVERTISING);
    const device = new Device(ADDR_RANDOM, peripheral.host.ownAddress);
    const outgoing = await device.connect({ supervisionTimeoutMs: 10_000 });
    const incoming = await advertised;
    const remote = await lookFor(central, outgoing);
    await remote.plain.subscribe({ notify: true, indicate: true });
    const [other, channel] = await Promise.all([incoming.l2capAccept(PSM), outgoing.l2capConnect(PSM)]);
    // What the procedures of a new link take is over.
    await world.clock.sleep(1000);
    await work({ world, central, peripheral, third, outgoing, incoming, value, remote, channel, other });
  }, 1e7);
}

/** A step of a loop over `iterable`, which is left when the step is over. */
async function step<T>(iterable: AsyncIterableIterator<T>): Promise<unknown> {
  try {
    return await iterable.next();
  } finally {
    await iterable.return?.();
  }
}

const thirdDevice = ({ central, third }: Scene) => {
  const { ADDR_RANDOM, Device } = central.aioble;
  return new Device(ADDR_RANDOM, third.host.ownAddress);
};
const advertiseThird = ({ third }: Scene): void => {
  third.aioble.advertise(ADVERTISING).catch(() => {});
};
const connectThird = ({ third, peripheral }: Scene): void => {
  const { ADDR_RANDOM, Device } = third.aioble;
  new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect().catch(() => {});
};
/** More than a link's queue takes at once, so that the last one waits. */
const BULK = new Uint8Array(4000);

/** Reads what comes on the channel, so that there are credits for more. */
const drain = ({ other }: Scene): void => {
  const read = async (): Promise<void> => {
    for (;;) await other.recv();
  };
  read().catch(() => {});
};

const LINK = { onLoss: "device-disconnected", onStop: "device-disconnected" } as const;
const CHANNEL = { onLoss: "l2cap-disconnected", onStop: "l2cap-disconnected" } as const;

/** Every wait: each method that takes `timeoutMs` or a signal, and each loop. */
export const ROWS: readonly Row[] = [
  // Devices and connections.
  {
    name: "Device.connect",
    begin: (s, o) => thirdDevice(s).connect(o),
    bring: advertiseThird,
    onStop: "radio-off",
  },
  {
    name: "Device.keepConnected, a step",
    begin: (s, { signal }) => step(thirdDevice(s).keepConnected({ signal })),
    bring: advertiseThird,
    onStop: "done",
    isStep: true,
  },
  {
    name: "DeviceConnection.flush",
    begin: (s, o) => {
      s.channel.send(BULK).catch(() => {});
      return s.outgoing.flush(o);
    },
    ...LINK,
  },
  {
    name: "DeviceConnection.disconnected",
    begin: ({ outgoing }, o) => outgoing.disconnected(o),
    bring: ({ incoming }) => incoming.disconnect(),
    onLoss: "value",
    onStop: "value",
  },
  { name: "DeviceConnection.readRssi", begin: (s, o) => s.outgoing.readRssi(o), delayed: READ_RSSI, ...LINK },
  { name: "DeviceConnection.readPhy", begin: (s, o) => s.outgoing.readPhy(o), delayed: READ_PHY, ...LINK },
  { name: "DeviceConnection.setPhy", begin: (s, o) => s.outgoing.setPhy({ tx: "2M", ...o }), ...LINK },
  {
    name: "DeviceConnection.setDataLength",
    begin: (s, o) => s.outgoing.setDataLength({ txOctets: 100, ...o }),
    delayed: SET_DATA_LENGTH,
    ...LINK,
  },
  {
    name: "DeviceConnection.updateParameters, as a central",
    begin: (s, o) => s.outgoing.updateParameters({ latency: 1, ...o }),
    delayed: CONNECTION_UPDATE,
    ...LINK,
  },
  {
    name: "DeviceConnection.updateParameters, as a peripheral",
    begin: (s, o) => s.incoming.updateParameters({ latency: 1, ...o }),
    waiter: "peripheral",
    ...LINK,
  },
  { name: "DeviceConnection.pair", begin: (s, o) => s.outgoing.pair(o), ...LINK },
  // The GATT client.
  {
    name: "DeviceConnection.exchangeMtu",
    begin: (s, o) => s.incoming.exchangeMtu(o),
    waiter: "peripheral",
    ...LINK,
  },
  {
    name: "DeviceConnection.services, a step",
    begin: (s, o) => step(s.outgoing.services(undefined, o)),
    ...LINK,
  },
  {
    name: "DeviceConnection.service",
    begin: (s, o) => s.outgoing.service(s.remote.service.uuid, o),
    ...LINK,
  },
  {
    name: "ClientService.includedServices, a step",
    begin: (s, o) => step(s.remote.service.includedServices(o)),
    ...LINK,
  },
  {
    name: "DeviceConnection.readMultiple",
    begin: (s, o) => s.outgoing.readMultiple([s.remote.plain, s.remote.captured], o),
    ...LINK,
  },
  { name: "ClientCharacteristic.read", begin: (s, o) => s.remote.plain.read(o), ...LINK },
  {
    name: "ClientCharacteristic.write",
    begin: (s, o) => s.remote.plain.write("text", { response: true, ...o }),
    ...LINK,
  },
  {
    name: "ClientCharacteristic.write, long",
    begin: (s, o) => s.remote.plain.write(BULK.slice(0, 90), o),
    ...LINK,
  },
  { name: "ClientCharacteristic.subscribe", begin: (s, o) => s.remote.captured.subscribe(o), ...LINK },
  { name: "ClientDescriptor.read", begin: (s, o) => s.remote.descriptor.read(o), ...LINK },
  { name: "ClientDescriptor.write", begin: (s, o) => s.remote.descriptor.write("new", o), ...LINK },
  {
    name: "ClientCharacteristic.notified",
    begin: (s, o) => s.remote.plain.notified(o),
    bring: ({ value, incoming }) => value.plain.notify(incoming, "n"),
    ...LINK,
  },
  {
    name: "ClientCharacteristic.indicated",
    begin: (s, o) => s.remote.plain.indicated(o),
    bring: ({ value, incoming }) => value.plain.indicate(incoming, "i"),
    ...LINK,
  },
  {
    name: "ClientCharacteristic.notifications, a step",
    begin: (s, { signal }) => step(s.remote.plain.notifications({ signal })),
    bring: ({ value, incoming }) => value.plain.notify(incoming, "n"),
    isStep: true,
    ...LINK,
  },
  {
    name: "ClientCharacteristic.indications, a step",
    begin: (s, { signal }) => step(s.remote.plain.indications({ signal })),
    bring: ({ value, incoming }) => value.plain.indicate(incoming, "i"),
    isStep: true,
    ...LINK,
  },
  // The GATT server.
  {
    name: "Characteristic.indicate",
    begin: (s, o) => s.value.plain.indicate(s.incoming, "i", o),
    waiter: "peripheral",
    ...LINK,
  },
  {
    name: "Characteristic.written",
    begin: (s, o) => s.value.plain.written(o),
    bring: ({ remote }) => remote.plain.write("w", { response: true }),
    waiter: "peripheral",
    onStop: "radio-off",
  },
  {
    name: "Characteristic.written, with capture",
    begin: (s, o) => s.value.captured.written(o),
    bring: ({ remote }) => remote.captured.write("w", { response: true }),
    waiter: "peripheral",
    onStop: "radio-off",
  },
  {
    name: "Characteristic.writes, a step",
    begin: (s, { signal }) => step(s.value.captured.writes({ signal })),
    bring: ({ remote }) => remote.captured.write("w", { response: true }),
    waiter: "peripheral",
    onStop: "done",
    isStep: true,
  },
  // Advertising and scanning.
  {
    name: "advertise",
    begin: ({ peripheral }, o) => peripheral.aioble.advertise({ ...ADVERTISING, ...o }),
    bring: connectThird,
    waiter: "peripheral",
    onStop: "radio-off",
  },
  {
    name: "connections, a step",
    begin: ({ peripheral }, { signal }) => step(peripheral.aioble.connections({ ...ADVERTISING, signal })),
    bring: connectThird,
    waiter: "peripheral",
    onStop: "done",
    isStep: true,
  },
  {
    name: "scan, a step",
    begin: ({ central }, { signal }) => step(central.aioble.scan({ ...LISTENING, signal })),
    bring: advertiseThird,
    onStop: "done",
    isStep: true,
  },
  // Channels.
  {
    name: "DeviceConnection.l2capAccept",
    begin: (s, o) => s.incoming.l2capAccept(PSM + 1, o),
    bring: ({ outgoing }) => outgoing.l2capConnect(PSM + 1),
    waiter: "peripheral",
    ...LINK,
  },
  {
    name: "DeviceConnection.l2capConnect",
    begin: (s, o) => {
      s.incoming.l2capAccept(PSM + 1).catch(() => {});
      return s.outgoing.l2capConnect(PSM + 1, o);
    },
    ...LINK,
  },
  {
    name: "DeviceConnection.l2capConnectMultiple",
    begin: (s, o) => {
      s.incoming.l2capAccept(PSM + 1).catch(() => {});
      return s.outgoing.l2capConnectMultiple(PSM + 1, 2, o);
    },
    ...LINK,
  },
  {
    name: "L2CAPChannel.reconfigure",
    begin: ({ channel }, o) => channel.reconfigure({ mtu: channel.ourMtu + 1, ...o }),
    ...CHANNEL,
  },
  { name: "L2CAPChannel.send", begin: ({ channel }, o) => channel.send(BULK, o), bring: drain, ...CHANNEL },
  {
    name: "L2CAPChannel.flush",
    begin: ({ channel }, o) => {
      channel.send(BULK).catch(() => {});
      return channel.flush(o);
    },
    bring: drain,
    ...CHANNEL,
  },
  {
    name: "L2CAPChannel.recv",
    begin: ({ channel }, o) => channel.recv(o),
    bring: ({ other }) => other.send("sdu"),
    ...CHANNEL,
  },
  {
    name: "L2CAPChannel.recvinto",
    begin: ({ channel }, o) => channel.recvinto(new Uint8Array(10), o),
    bring: ({ other }) => other.send("sdu"),
    ...CHANNEL,
  },
  {
    name: "L2CAPChannel.disconnected",
    begin: ({ channel }, o) => channel.disconnected(o),
    bring: ({ other }) => other.disconnect(),
    onLoss: "value",
    onStop: "value",
  },
];
