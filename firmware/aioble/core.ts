/** What the modules of `aioble` share: the host, the connections by link, and the waits that belong to no connection. */
import { sameBytes } from "../ble/codec.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { Host } from "../ble/host.ts";
import { textOf } from "../ble/text.ts";
import type { Clock, LogLevel, Signals } from "../platform/platform.ts";
import { CAPTURE_BYTES, CaptureQueue } from "./capture.ts";
import type { Central } from "./central.ts";
import type { Client } from "./client.ts";
import { ADDR_RANDOM, Device } from "./device.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { BleError, radioOff, TimeoutError } from "./errors.ts";
import type { L2cap } from "./l2cap.ts";
import type { LinkRequests } from "./link-control.ts";
import type { Pairing } from "./security.ts";
import { Deferrals, WaitScope } from "./wait.ts";

export class Core {
  readonly host: Host;
  readonly clock: Clock;
  /** The server's notifications and indications. */
  readonly updates: Host["gatt"]["updates"];
  /** Waits that end with the radio. Those that begin while it is being switched off are for when it is on again. */
  scope: WaitScope;
  /** Waits for links to be down, which the end of the radio brings about. */
  readonly lasting: WaitScope;
  /** Writes to all capture characteristics. */
  readonly capture: CaptureQueue;
  readonly connections = new Map<Connection, DeviceConnection>();
  private ending: WaitScope | undefined = undefined;
  readonly signals: Signals;
  readonly deferrals = new Deferrals();
  /** Settled answers that need no promise of their own. */
  readonly yes: Promise<boolean> = Promise.resolve(true);
  readonly no: Promise<boolean> = Promise.resolve(false);

  /** Devices that this host connects to. */
  readonly Device: typeof Device;
  /** Connects to them, where the image has the feature `central`, which sets it. */
  central: Central | undefined = undefined;
  /** Changes what their links are like, where the image has the feature `link-control`, which sets it. */
  linkRequests: LinkRequests | undefined = undefined;
  /** The camera as a client of its peers, where the image has the feature `client`, which sets it. */
  client: Client | undefined = undefined;
  /** Opens channels, where the image has the feature `channels`, which sets it. */
  l2cap: L2cap | undefined = undefined;
  /** Pairs, where the image has the feature `security`, which sets it. */
  pairing: Pairing | undefined = undefined;

  constructor(host: Host, signals: Signals) {
    this.host = host;
    this.clock = host.platform.clock;
    this.updates = host.gatt.updates;
    this.capture = new CaptureQueue({
      bytes: host.platform.captureBytes ?? CAPTURE_BYTES,
      log: (level, message) => host.log(level, message),
    });
    this.scope = new WaitScope(this.clock, this.deferrals);
    this.lasting = new WaitScope(this.clock, this.deferrals);
    this.signals = signals;
    host.budget.offer(this.capture, "last");
    const core = this;
    this.Device = class extends Device {
      protected override centralFor(method: string): Central {
        return core.demand(method, core.central);
      }
    };
  }

  /** Writes a line to the console, as the host does. */
  log(level: LogLevel, message: string): void {
    this.host.log(level, message);
  }

  /**
   * A part that a feature brings.
   * @param method what needs it, as the catalogue of features names it.
   * @throws BleError `not-supported` where the image is without.
   */
  demand<T>(method: string, part: T | undefined): T {
    if (part !== undefined) return part;
    throw this.host.missing.get(method)?.() ?? new BleError("not-supported", `${method} is not there.`);
  }

  /**
   * Why a wait for something on the air has failed: a time-out is no answer while the controller refuses, or does not start.
   * @param refusal of the controller, while it stands.
   */
  causeOf(error: unknown, refusal?: BleError): unknown {
    return error instanceof TimeoutError ? (refusal ?? this.host.startFailure ?? error) : error;
  }

  /** The radio is being switched off. */
  beginStop(): void {
    this.ending = this.scope;
    this.scope = new WaitScope(this.clock, this.deferrals);
  }

  /** The radio is off: waits end, after those on connections, whose end a wait may have for its signal. */
  endStop(): void {
    this.ending?.interrupt(radioOff());
    this.ending = undefined;
  }

  /** A device by its address; types 2 and 3 are identities (Vol 4, Part E, 7.7.65.10). */
  createDevice(addressType: number, address: Uint8Array): Device {
    return new this.Device(addressType & 1, address);
  }

  /** The device of this identity, as it was reported. */
  deviceAt({ addressType, address }: Device["onAir"], reported: Device["onAir"]): Device {
    const isUnknown = address === reported.address;
    // Where the controller has resolved it, it reports the identity.
    const isResolved =
      !isUnknown && (reported.addressType > ADDR_RANDOM || !sameBytes(address, reported.address));
    return new this.Device(addressType & 1, address, isResolved ? reported.address : undefined);
  }

  /** The link layer has changed a link's parameters, or with another status than 0 has not. */
  parametersChanged(link: Connection, status: number): void {
    const connection = this.connections.get(link);
    if (status !== 0 || !connection?.onParameters) return;
    try {
      connection.onParameters(link.parameters);
    } catch (error) {
      const { peerLog } = this.host;
      peerLog.write("error", `aioble: onParameters failed: ${textOf(error)}`, error);
    }
  }

  /** The public object of a link. */
  connectionOf(link: unknown): DeviceConnection | undefined {
    return this.connections.get(link as Connection);
  }
}
