/** A camera with a management server, and a client that is connected to it. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Access } from "../../firmware/update/access.ts";
import { type CborMap, decodeMap, encodeMap } from "../../firmware/update/cbor.ts";
import { ConsoleLines } from "../../firmware/update/console-lines.ts";
import { HEADER_LENGTH, readHeader, writeFrame } from "../../firmware/update/frames.ts";
import { Management } from "../../firmware/update/management.ts";
import { CHARACTERISTIC_UUID, SERVICE_UUID } from "../../firmware/update/service.ts";
import type { UpdateStore } from "../../firmware/update/store.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { ManagementClient, openManagement } from "../../tools/update/management-client.ts";
import { equal, ok } from "./assert.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";
import { bundleOf, MemorySlots } from "./memory-slots.ts";

export const RUNNING = bundleOf([1, 0, 0], 100);

export interface ManagementScene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly store: MemorySlots;
  readonly management: Management;
  readonly lines: ConsoleLines;
  /** A central that is connected, and has the service open. */
  readonly client: ManagementClient;
  readonly connection: DeviceConnection;
  readonly central: AiobleCamera;
  /** Another central, connected and subscribed. */
  another(): Promise<{ readonly client: ManagementClient; readonly connection: DeviceConnection }>;
  /** One whole request as bytes; the answer's header and map. */
  ask(
    request: Partial<RawRequest>,
  ): Promise<{ readonly operation: number; readonly version: number; readonly map: CborMap }>;
  sleep(delayMs: number): Promise<void>;
}

export interface RawRequest {
  readonly operation: number;
  readonly version: number;
  readonly group: number;
  readonly command: number;
  readonly map: CborMap;
  readonly sequence: number;
}

/** The fragments of a client that only the test knows. */
export class RawClient {
  private readonly characteristic: NonNullable<Awaited<ReturnType<typeof rawCharacteristic>>>;

  private constructor(characteristic: RawClient["characteristic"]) {
    this.characteristic = characteristic;
  }

  static async open(connection: DeviceConnection): Promise<RawClient> {
    const characteristic = await rawCharacteristic(connection);
    ok(characteristic, "no management service");
    await characteristic!.subscribe({ queueSize: 200 });
    return new RawClient(characteristic!);
  }

  write(fragment: Uint8Array): Promise<void> {
    return this.characteristic.write(fragment, { response: false });
  }

  /** The next answer. */
  async answer(timeoutMs = 2000): Promise<Uint8Array> {
    let frame = await this.characteristic.notified({ timeoutMs });
    while (frame.length < HEADER_LENGTH + readHeader(frame).length) {
      const more = await this.characteristic.notified({ timeoutMs });
      frame = Uint8Array.from([...frame, ...more]);
    }
    return frame;
  }
}

async function rawCharacteristic(connection: DeviceConnection) {
  const service = await connection.service(SERVICE_UUID);
  return service?.characteristic(CHARACTERISTIC_UUID);
}

/** A request as bytes. */
export function requestOf(request: Partial<RawRequest>): Uint8Array {
  const { operation = 0, version = 1, group = 0, command = 0, map = {}, sequence = 0x42 } = request;
  return writeFrame({ operation, version, flags: 0, group, sequence, command }, encodeMap(map));
}

export interface SceneOptions {
  readonly access?: Access;
  /** What happens before the client subscribes. */
  readonly before?: (
    connection: DeviceConnection,
    camera: AiobleCamera,
    central: AiobleCamera,
    /** The camera's side of the connection. */
    incoming: DeviceConnection,
  ) => Promise<void>;
  /** Whether the client opens the service: true when left out. */
  readonly isOpened?: boolean;
  readonly seed?: number;
  /** What is managed in place of `store`; a `MemorySlots` when left out. */
  readonly slots?: (world: World) => UpdateStore;
}

/** Runs `work` with a camera and a connected client of its management server. */
export async function managed(
  work: (scene: ManagementScene) => Promise<void>,
  { access = "open", before, isOpened = true, seed, slots }: SceneOptions = {},
): Promise<void> {
  const world = createWorld(seed);
  const camera = addAioble(world);
  const store = new MemorySlots(RUNNING);
  const { host } = camera;
  const lines = new ConsoleLines();
  const management = new Management({
    ...{ clock: camera.platform.clock, gatt: host.gatt, access, lines, store: slots?.(world) ?? store },
    random: (length) => camera.platform.random(length),
    info: () => ({ name: "camera", version: "1.0.0" }),
    claim: () => false,
    onUse: () => undefined,
    whenDelivered: (connection, callback) => void host.whenCompleted(connection, callback),
    reset: () => store.reset(),
    log: host.log,
  });
  host.observe({ onDisconnected: (connection) => management.ended(connection) });
  await world.run(async () => {
    const connect = async () => {
      const central = addAioble(world);
      const advertised = camera.aioble.advertise({ intervalUs: 20_000 });
      const { ADDR_RANDOM, Device } = central.aioble;
      const connection = await new Device(ADDR_RANDOM, host.ownAddress).connect();
      return { central, connection, incoming: await advertised };
    };
    await host.activate();
    const { central, connection, incoming } = await connect();
    await before?.(connection, camera, central, incoming);
    const link = isOpened ? await openManagement(connection) : undefined;
    ok(link || !isOpened, "no management service");
    const raw = isOpened ? await RawClient.open(connection) : undefined;
    await work({
      ...{ world, camera, store, management, lines, central, connection },
      client: new ManagementClient(link!),
      async another() {
        const other = await connect();
        return { ...other, client: new ManagementClient((await openManagement(other.connection))!) };
      },
      async ask(request) {
        await raw!.write(requestOf(request));
        const frame = await raw!.answer();
        const { operation, version } = readHeader(frame);
        return { operation, version, map: decodeMap(frame.subarray(HEADER_LENGTH)) };
      },
      sleep: (delayMs) => world.clock.sleep(delayMs),
    });
    await connection.disconnect().catch(() => undefined);
    await world.clock.sleep(2000);
    equal(host.budget.held, 0, "nothing is kept any more");
  });
}
