/** A central that meets a peripheral it is bonded with, and what the peripheral gets to hear of it. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { leEnableEncryption } from "../../firmware/ble/hci/commands/le-security.ts";
import { deepEqual, ok } from "./assert.ts";
import type { AiobleCamera } from "./cameras.ts";
import { createPair, type Pair } from "./pairing-cameras.ts";
import { byte } from "./served.ts";

/** A UUID of a service, and of its only value. */
export const SERVICE = 0xfff0;
export const VALUE = 0xfff1;

/** An ATT PDU that a peripheral received. */
export interface HeardPdu {
  readonly opcode: number;
  /** Whether the link was encrypted by then. */
  readonly isEncrypted: boolean;
}

export interface Reconnecting extends Pair {
  /** ATT PDUs that the peripheral received since the first meeting. */
  readonly heard: HeardPdu[];
  /** Statuses of Event 28 of the central: whether the link was encrypted, for each report. */
  readonly updates: boolean[];
  /** Both have bonded; their link has ended. */
  bond(): Promise<void>;
  /** The peripheral's host answers no link layer's request for a key, until the call of what it returns. */
  withholdKey(): () => void;
  /** LE Enable Encryption commands of the central. */
  readonly attempts: number;
}

export function createReconnecting(seed?: number): Reconnecting {
  const pair = createPair(seed);
  const { central, peripheral, world } = pair;
  const heard: HeardPdu[] = [];
  const updates: boolean[] = [];
  central.host.observe({ onSecurity: ({ security }) => void updates.push(security.isEncrypted) });
  offer(peripheral);
  peripheral.host.observe({
    onConnected(connection) {
      const { bearer } = connection;
      const receive = bearer.receive.bind(bearer);
      bearer.receive = (view, start, length) => {
        heard.push({ opcode: view.getUint8(start), isEncrypted: connection.security.isEncrypted });
        receive(view, start, length);
      };
    },
  });
  return {
    ...pair,
    heard,
    updates,
    async bond() {
      const { outgoing, incoming } = await pair.meet();
      await outgoing.pair();
      await outgoing.disconnect();
      await incoming.disconnected();
      await world.clock.sleep(500);
      heard.length = updates.length = 0;
    },
    withholdKey() {
      const encryption = peripheral.host.encryption!;
      const asked: (() => void)[] = [];
      const answer = encryption.keyRequested.bind(encryption);
      encryption.keyRequested = (...request) => void asked.push(() => answer(...request));
      return () => {
        encryption.keyRequested = answer;
        for (const each of asked) each();
      };
    },
    get attempts() {
      return central.controller.commands.filter((opcode) => opcode === leEnableEncryption.opcode).length;
    },
  };
}

function offer({ aioble, bluetooth }: AiobleCamera): void {
  const { Characteristic, registerServices, Service } = aioble;
  const service = new Service(new bluetooth.UUID(SERVICE));
  const options = { read: true, write: true, writeNoResponse: true, notify: true, initial: byte(7) } as const;
  new Characteristic(service, new bluetooth.UUID(VALUE), options);
  registerServices(service);
}

/** The value of the peripheral. */
export async function findValue(central: AiobleCamera, connection: DeviceConnection) {
  const { UUID } = central.bluetooth;
  const service = await connection.service(new UUID(SERVICE));
  return (await service!.characteristic(new UUID(VALUE)))!;
}

/** In a world where the two have bonded. */
export async function inScene(work: (scene: Reconnecting) => Promise<void>): Promise<void> {
  const scene = createReconnecting();
  await scene.world.run(async () => {
    await scene.bond();
    await work(scene);
  });
}

/** Nothing was heard but over an encrypted link. */
export function wasAllEncrypted({ heard }: Reconnecting): void {
  ok(heard.length > 0);
  deepEqual(
    heard.filter(({ isEncrypted }) => !isEncrypted),
    [],
  );
}
