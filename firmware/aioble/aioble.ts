/** Binds the module `aioble` to a host. */
import { createConfig } from "../ble/config.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { Host } from "../ble/host.ts";
import type { Signals } from "../platform/platform.ts";
import type { AdvertiseOptions, PayloadOptions } from "./advertising.ts";
import { CAPTURE_QUEUE_SETTING } from "./capture.ts";
import { streamConnections } from "./connections.ts";
import { Core } from "./core.ts";
import { createCounters } from "./counters.ts";
import { ADDR_PUBLIC, ADDR_RANDOM } from "./device.ts";
import { DeviceConnection } from "./device-connection.ts";
import {
  BleError,
  DeviceDisconnectedError,
  GattError,
  HciError,
  ProtocolError,
  TimeoutError,
} from "./errors.ts";
import { createLog } from "./log.ts";
import { endUnwanted, Peripheral } from "./peripheral.ts";
import { RegisteredServices } from "./registered-services.ts";
import { BufferedCharacteristic, Characteristic, Descriptor, Service } from "./server.ts";

/**
 * The names that an application imports from `aioble`, bound to `host`. See index.ts for what each means.
 * @param signals makes the signals of the application, so that those of `DeviceConnection.timeout` are of their kind.
 * @param additions of the image's features: the names that each adds.
 */
export function createAioble(
  host: Host,
  signals: Signals,
  additions: readonly ((core: Core) => object)[] = [],
) {
  host.settingTable.declare(CAPTURE_QUEUE_SETTING);
  const core = new Core(host, signals);
  const peripheral = new Peripheral(core);
  const server = new RegisteredServices(core);
  host.observe({
    onConnected(link: Connection) {
      const connection = new DeviceConnection(core, link);
      core.connections.set(link, connection);
    },
    onParameters: (link, status) => core.parametersChanged(link, status),
    onUnwanted: (link) => endUnwanted(core, link),
    onDisconnected(link: Connection, reason: number) {
      const connection = core.connections.get(link);
      core.connections.delete(link);
      if (!connection) return;
      peripheral.disconnected(connection, reason);
      core.central?.disconnected(connection, reason);
      core.l2cap?.disconnected(link);
      connection.closed(reason);
    },
    onConfigured({ captureQueueSize }) {
      core.capture.size = captureQueueSize;
    },
    onStopping() {
      core.beginStop();
      peripheral.stopping();
    },
    onStopped: () => core.endStop(),
  });
  const names = {
    ADDR_PUBLIC,
    ADDR_RANDOM,
    BleError,
    BufferedCharacteristic,
    Characteristic,
    Descriptor,
    Device: core.Device,
    DeviceConnection,
    DeviceDisconnectedError,
    GattError,
    HciError,
    ProtocolError,
    Service,
    TimeoutError,
    advertise: (options: AdvertiseOptions) => peripheral.advertise(options),
    broadcast: (options: AdvertiseOptions) => peripheral.broadcast(options),
    connections: (options: AdvertiseOptions) => streamConnections(core, peripheral, options),
    updateAdvertising: (fields: PayloadOptions) => peripheral.update(fields),
    registerServices: (...services: Service[]) => server.registerServices(...services),
    config: createConfig(host),
    counters: createCounters(core),
    stop: () => host.deactivate(),
    ...createLog(host),
  };
  return Object.assign(names, ...additions.map((addition) => addition(core))) as typeof names;
}

/** What `aioble` exports of every image. */
export type Aioble = ReturnType<typeof createAioble>;
