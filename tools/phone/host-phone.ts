/** The phone of `obscura phone`: our own stack as the central (docs/decisions/0013-phone.md). */
import { TimeoutError } from "../../firmware/aioble/errors.ts";
import type { AdvertisingReport } from "../../firmware/ble/gap/advertising-report.ts";
import type { Connection } from "../../firmware/ble/gap/connection.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Host } from "../../firmware/ble/host.ts";
import { isSameIdentity } from "../../firmware/ble/smp/identities.ts";
import { Deferred } from "../../simulator/phone/deadline.ts";
import { PhoneError } from "../../simulator/phone/errors.ts";
import type { Party } from "../../simulator/phone/security.ts";
import { Search, type Sighting, type Wanted } from "../../simulator/phone/sightings.ts";
import type { CentralAioble, CentralHost } from "../central/host.ts";
import { phoneErrorOf } from "./host-errors.ts";
import { HostLink } from "./host-link.ts";
import { IdleUser } from "./host-user.ts";
import type { ScriptPhone } from "./script-phone.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** The radio listens all the time. */
const SCAN = { intervalUs: 60_000, windowUs: 60_000, active: true } as const;
const LINK = { minConnIntervalUs: 30_000, maxConnIntervalUs: 30_000, supervisionTimeoutMs: 4000 } as const;
/** What a sighting has for the RSSI that the controller does not know (Vol 4, Part E, 7.7.65.2). */
const NO_RSSI = 127;

export class HostPhone implements ScriptPhone {
  private readonly host: Host;
  private readonly aioble: CentralAioble;
  private readonly links = new Map<Connection, HostLink>();

  /** @param central whose radio is off, and that nobody else uses */
  constructor({ aioble, host }: CentralHost) {
    this.host = host;
    this.aioble = aioble;
    // The steps say when a link is encrypted, and when it ends.
    host.configure({ autoPair: "never", idleTimeoutMs: 0 });
    host.encryption!.manager.handler = new IdleUser();
    host.observe({
      onConnected: (connection) => this.links.set(connection, new HostLink(host, connection)),
      onDisconnected: (connection, reason) => {
        this.links.get(connection)?.ended(reason);
        this.links.delete(connection);
      },
    });
  }

  get address(): Uint8Array {
    return this.host.ownAddress;
  }

  async start(): Promise<void> {
    try {
      await this.host.activate();
    } catch (error) {
      throw phoneErrorOf(error);
    }
  }

  /** A bonded camera is found, and reported, by its identity. */
  async find(wanted: Wanted, timeoutMs: number): Promise<Sighting> {
    await this.start();
    const { address, ...others } = wanted;
    const search = new Search(address ? { ...others, address: this.identityOf(1, address).address } : others);
    const found = new Deferred<Sighting>(this.host.platform.clock, timeoutMs, search.what);
    const owner = {
      onReport: ({ data, eventType, rssi = NO_RSSI, ...from }: AdvertisingReport) => {
        const identity = this.identityOf(from.addressType, from.address);
        const sighting = search.take({ ...identity, data, eventType, rssi });
        if (sighting) found.resolve(sighting);
      },
      onEnded: (error: unknown) => found.reject(error),
    };
    const scanner = this.host.scanner!;
    scanner.start(SCAN, owner).catch((error: unknown) => found.reject(error));
    try {
      return await found.promise;
    } catch (error) {
      throw phoneErrorOf(error);
    } finally {
      // A controller that does not stop is lost, as the next step finds.
      await scanner.stop(owner).catch(() => undefined);
    }
  }

  private identityOf(addressType: number, address: Uint8Array): Party {
    return this.host.identities.identityOf({ addressType: addressType & 1, address });
  }

  async connect({ addressType, address }: Party): Promise<HostLink> {
    const device = new this.aioble.Device(addressType & 1, address);
    const identity = this.identityOf(addressType, address);
    for (const other of this.links.keys()) {
      if (isSameIdentity(other.identity, identity))
        throw new PhoneError("the phone is connected to this camera already: disconnect first");
    }
    try {
      const { link } = await device.connect({ timeoutMs: CONNECT_TIMEOUT_MS, ...LINK });
      return this.links.get(link) ?? new HostLink(this.host, link);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw phoneErrorOf(error);
      // What an attempt that was given up ends with.
      throw new PhoneError(`no link came up within ${CONNECT_TIMEOUT_MS} ms`, HCI_STATUS.UNKNOWN_CONNECTION);
    }
  }

  forget({ addressType, address }: Party): boolean {
    const bonds = this.host.bonds!;
    const bond = bonds.find(addressType & 1, address);
    return bond !== undefined && bonds.forget(bond.identity);
  }
}
