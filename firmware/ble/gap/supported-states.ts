/** What a controller says that it can do at a time (Vol 4, Part E, 7.8.27). */
import { BleError, HciError } from "../errors.ts";
import { leReadSupportedStates } from "../hci/commands/le-controller.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS } from "../hci/status.ts";
import { ROLE } from "./connection.ts";

/** Bits of LE_States: a state alone. That of a connection as a central has none. */
const ALONE = {
  nonConnectableAdvertising: 0,
  scannableAdvertising: 1,
  connectableAdvertising: 2,
  highDutyAdvertising: 3,
  lowDutyAdvertising: 29,
  passiveScanning: 4,
  activeScanning: 5,
  initiating: 6,
  central: undefined,
  peripheral: 7,
} as const;

/** What a controller is at. */
export type LeState = keyof typeof ALONE;

/** Bits of LE_States: two states together. */
const TOGETHER: Readonly<Partial<Record<LeState, Readonly<Partial<Record<LeState, number>>>>>> = {
  nonConnectableAdvertising: {
    ...{ passiveScanning: 8, activeScanning: 12, initiating: 16, central: 18, peripheral: 20 },
  },
  scannableAdvertising: {
    ...{ passiveScanning: 9, activeScanning: 13, initiating: 17, central: 19, peripheral: 21 },
  },
  connectableAdvertising: {
    ...{ passiveScanning: 10, activeScanning: 14, initiating: 32, central: 35, peripheral: 38 },
  },
  highDutyAdvertising: {
    ...{ passiveScanning: 11, activeScanning: 15, initiating: 33, central: 36, peripheral: 39 },
  },
  lowDutyAdvertising: {
    ...{ passiveScanning: 30, activeScanning: 31, initiating: 34, central: 37, peripheral: 40 },
  },
  passiveScanning: { initiating: 22, central: 24, peripheral: 26 },
  activeScanning: { initiating: 23, central: 25, peripheral: 27 },
  initiating: { central: 28, peripheral: 41 },
};

const NO_STATES = new Uint8Array(8);

/** Somebody who has the controller advertise, scan or look for a device. */
export interface StateUser {
  /** What the controller is at for it now; undefined when it is at nothing. */
  readonly state: LeState | undefined;
}

/** What the states are handed. */
export interface SupportedStatesPort {
  readonly hci: Hci;
  /** The links that are up. */
  readonly links: { values(): Iterable<{ readonly role: number }> };
}

/** Asked once in each session of the controller, when somebody first wants two things at a time. */
export class SupportedStates {
  private readonly port: SupportedStatesPort;
  private readonly users: StateUser[] = [];
  private states: Uint8Array | undefined = undefined;

  constructor(port: SupportedStatesPort) {
    this.port = port;
  }

  /** `user` is looked at from now on when another wants the controller to be at something. */
  join(user: StateUser): void {
    this.users.push(user);
  }

  /** The controller is another, or was reset. */
  reset(): void {
    this.states = undefined;
  }

  /**
   * The first of what the controller is at that it says it cannot do beside `wanted`; undefined when there is none. Where it
   * does not even claim the two states by themselves, nobody filled the bits in; that controller, and one that does not know
   * the command, is tried out.
   */
  async conflict(wanted: LeState): Promise<LeState | undefined> {
    for (const other of this.present()) {
      const bit = TOGETHER[wanted]?.[other] ?? TOGETHER[other]?.[wanted];
      if (bit === undefined) continue;
      this.states ??= await this.read();
      const { states } = this;
      if (claims(states, wanted) && claims(states, other) && !hasBit(states, bit)) return other;
    }
    return undefined;
  }

  /** What the controller is at: its links first. */
  private present(): Set<LeState> {
    const present = new Set<LeState>();
    for (const { role } of this.port.links.values())
      present.add(role === ROLE.CENTRAL ? "central" : "peripheral");
    for (const { state } of this.users) if (state) present.add(state);
    return present;
  }

  private async read(): Promise<Uint8Array> {
    try {
      return (await this.port.hci.send(leReadSupportedStates, {})).leStates;
    } catch (error) {
      if (error instanceof HciError && error.status !== HCI_STATUS.SUCCESS) return NO_STATES;
      throw error;
    }
  }
}

function hasBit(states: Uint8Array, bit: number): boolean {
  return ((states[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

function claims(states: Uint8Array, state: LeState): boolean {
  const bit = ALONE[state];
  return bit === undefined || hasBit(states, bit);
}

export const isScanning = (state: LeState): boolean =>
  state === "passiveScanning" || state === "activeScanning";

export const isLink = (state: LeState): boolean => state === "central" || state === "peripheral";

/** The error of what the controller says that it cannot do beside `other`. */
export function excludedBy(wanted: LeState, other: LeState): BleError {
  const verb = isScanning(wanted) ? "scan" : wanted === "initiating" ? "look for a device" : "advertise";
  const [present, end] = isLink(other)
    ? ["a device is connected", "wait until it leaves"]
    : isScanning(other)
      ? ["it scans", "end the scan first"]
      : other === "initiating"
        ? ["it looks for a device to connect to", "wait until that is over"]
        : ["it advertises", "end advertising first"];
  return new BleError(
    "controller-busy",
    `This Bluetooth controller cannot ${verb} while ${present}: ${end}.`,
  );
}
