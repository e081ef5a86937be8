/** Services of a peer, found by `DeviceConnection.services`. */
import { discoverCharacteristics, discoverIncludes } from "../ble/gatt/client/discovery.ts";
import type { RemoteService } from "../ble/gatt/client/remote.ts";
import type { UUID } from "../ble/uuid.ts";
import type { ConnectionClient } from "./client.ts";
import { ClientCharacteristic, checkUuid } from "./client-characteristic.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { Discovery } from "./discovery.ts";
import { NO_LIMITS, type WaitOptions } from "./wait.ts";

/** A service of a peer. It keeps what was found of it; `DeviceConnection.service` looks anew. */
export class ClientService {
  readonly connection: DeviceConnection;
  readonly uuid: UUID;
  /** Not for applications. */
  readonly client: ConnectionClient;
  /** Not for applications. */
  readonly remote: RemoteService;

  /** Not for applications: `DeviceConnection.services` finds services. */
  constructor(client: ConnectionClient, remote: RemoteService) {
    this.client = client;
    this.connection = client.connection;
    this.remote = remote;
    this.uuid = remote.uuid;
  }

  /**
   * Its characteristics in the order of their handles, or those with this UUID (Vol 3, Part G, 4.6). The time that
   * `timeoutMs` (2,000) gives is for what the peer takes for all of them.
   * @throws TypeError or RangeError at once for a bad argument.
   * @throws A step rejects with TimeoutError, the signal's reason, DeviceDisconnectedError, GattError, ProtocolError, BleError
   * `operation-queue-full` or `too-many-attributes`.
   */
  characteristics(uuid?: UUID, options: WaitOptions = NO_LIMITS): Discovery<ClientCharacteristic> {
    if (uuid !== undefined) checkUuid(uuid);
    const { client, remote } = this;
    let taken = 0;
    return new Discovery("characteristics", client, options, async (limits, onBegin) => {
      if (taken === remote.characteristics.length) {
        if (remote.isComplete) return undefined;
        await client.run(
          limits,
          (operation, context) => discoverCharacteristics(operation, remote, context),
          0,
          onBegin,
        );
      }
      const fresh = remote.characteristics.slice(taken);
      taken += fresh.length;
      return fresh
        .filter((each) => uuid === undefined || each.uuid.equals(uuid))
        .map((each) => new ClientCharacteristic(this, each));
    });
  }

  /**
   * The first characteristic with this UUID; undefined when there is none.
   * @throws as `characteristics`.
   */
  async characteristic(uuid: UUID, options?: WaitOptions): Promise<ClientCharacteristic | undefined> {
    checkUuid(uuid);
    return this.characteristics(uuid, options).first();
  }

  /**
   * The services that it includes, primary or not (Vol 3, Part G, 4.5.1).
   * @throws as `characteristics`.
   */
  includedServices(options: WaitOptions = NO_LIMITS): Discovery<ClientService> {
    const { client, remote } = this;
    let isTaken = false;
    return new Discovery("includedServices", client, options, async (limits, onBegin) => {
      if (isTaken) return undefined;
      if (!remote.hasAllIncludes) {
        await client.run(
          limits,
          (operation, context) => discoverIncludes(operation, remote, context),
          0,
          onBegin,
        );
      }
      isTaken = true;
      for (const { service } of remote.includes) client.gatt.adopt(service);
      return remote.includes.map(({ service }) => new ClientService(client, service));
    });
  }

  toString(): string {
    return `ClientService(${this.uuid})`;
  }
}
