/** What the rooms of `aioble` share: the host, the connections by link, and the waits that belong to no connection. */
import type { Connection } from "../ble/gap/connection.ts";
import type { Host } from "../ble/host.ts";
import type { Signals } from "../platform/platform.ts";
import { CaptureQueue } from "./capture.ts";
import type { DeviceConnection } from "./device.ts";
import { radioOff } from "./errors.ts";
import { Deferrals, WaitScope } from "./wait.ts";

export class Core {
  readonly host: Host;
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

  constructor(host: Host, signals: Signals) {
    this.host = host;
    this.updates = host.gatt.updates;
    this.capture = new CaptureQueue((level, message) => host.log(level, message));
    this.scope = new WaitScope(host.platform.clock, this.deferrals);
    this.lasting = new WaitScope(host.platform.clock, this.deferrals);
    this.signals = signals;
  }

  /** The radio is being switched off. */
  beginStop(): void {
    this.ending = this.scope;
    this.scope = new WaitScope(this.host.platform.clock, this.deferrals);
  }

  /** The radio is off: waits end, after those on connections, whose end a wait may have for its signal. */
  endStop(): void {
    this.ending?.interrupt(radioOff());
    this.ending = undefined;
  }

  /** The public object of a link. */
  connectionOf(link: unknown): DeviceConnection | undefined {
    return this.connections.get(link as Connection);
  }
}
