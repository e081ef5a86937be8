/** What starts and ends with the radio: addresses, data, advertising, links, and the features that use it. */
import type { LogLevel } from "../platform/platform.ts";
import { HciError } from "./errors.ts";
import type { Advertiser } from "./gap/advertiser.ts";
import type { Connection } from "./gap/connection.ts";
import type { OwnAddresses } from "./gap/own-address.ts";
import type { Acl } from "./hci/acl.ts";
import { HCI_STATUS } from "./hci/status.ts";
import type { Identities } from "./identities.ts";
import type { Links } from "./links.ts";
import type { HostObserver } from "./observer.ts";
import { FAREWELL_MS, type RadioHandlers } from "./radio.ts";
import { textOf } from "./text.ts";

/** A feature that uses the radio beside advertising. */
export interface RadioUser {
  /** The controller has been reset, and runs. */
  begin(): void;
  /** The controller is lost, with all that was set in it. */
  end(): void;
  /** The radio is off, or does not come back: what waits ends with `error`. */
  forget(error: unknown): void;
}

/** What starts and ends with the radio. */
export interface RadioParts {
  readonly acl: Acl;
  readonly addresses: OwnAddresses;
  readonly advertiser: Advertiser;
  readonly connections: ReadonlyMap<number, Connection>;
  readonly identities: Identities;
  readonly links: Links;
  readonly users: readonly RadioUser[];
  log(level: LogLevel, message: string): void;
  /** See `Radio.pause`. */
  pause(delayMs: number): Promise<void>;
  /** See `Host.report`. */
  report<K extends keyof HostObserver>(event: K, ...data: Parameters<NonNullable<HostObserver[K]>>): void;
}

/** Hands the parts what the radio reports, in the order in which they need each other. */
export function radioHandlers(parts: RadioParts): RadioHandlers {
  const { acl, addresses, advertiser, identities, links, users } = parts;
  return {
    onStarting: () => addresses.begin(),
    onStarted: (controller) => {
      identities.began(controller.publicAddress);
      acl.start(controller.aclPacketLength, controller.aclPackets);
      advertiser.begin(controller.hciVersion);
      for (const user of users) user.begin();
    },
    onLost: () => {
      advertiser.end();
      for (const user of users) user.end();
      links.closeAll(HCI_STATUS.HARDWARE_FAILURE);
    },
    onRecovered: () => void advertiser.restart(),
    onFailed: (error) => {
      advertiser.forget(error);
      for (const user of users) user.forget(error);
      parts.report("onRadioLost", error);
    },
    onStopping: () => parts.report("onStopping"),
    onLeaving: () => leave(parts),
    onStopped: () => {
      advertiser.forget(switchedOff());
      for (const user of users) user.forget(switchedOff());
      parts.report("onStopped");
    },
    onAir: () => ({ isAdvertising: advertiser.isOnAir, links: [...parts.connections.keys()] }),
  };
}

/** Takes advertising off the air and ends every link, which peers have `FAREWELL_MS` to acknowledge. */
async function leave(parts: RadioParts): Promise<void> {
  const { advertiser, connections, links, log } = parts;
  const onError = (error: unknown): void => log("warning", `host: switching off: ${textOf(error)}`);
  await advertiser.stop(switchedOff()).catch(onError);
  for (const connection of connections.values()) {
    links.disconnect(connection, HCI_STATUS.REMOTE_POWER_OFF).catch(onError);
  }
  if (connections.size > 0) await parts.pause(FAREWELL_MS);
  links.closeAll(HCI_STATUS.LOCAL_HOST_TERMINATED);
}

function switchedOff(): HciError {
  return new HciError("radio-off", "The radio was switched off.");
}
