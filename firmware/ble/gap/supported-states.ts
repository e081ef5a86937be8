/** What a controller says that it can do at a time (Vol 4, Part E, 7.8.27). */
import { BleError, HciError } from "../errors.ts";
import { leReadSupportedStates } from "../hci/commands/le-controller.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS } from "../hci/status.ts";
import { ROLE } from "./connection.ts";

/** What a controller can be at. */
export type LeState =
  | "nonConnectableAdvertising"
  | "scannableAdvertising"
  | "connectableAdvertising"
  | "highDutyAdvertising"
  | "lowDutyAdvertising"
  | "passiveScanning"
  | "activeScanning"
  | "initiating"
  | "central"
  | "peripheral";

/** What states of a kind are called. */
export interface Activity {
  /** What the controller cannot do: "advertise". */
  readonly verb: string;
  /** What it is at instead: "it advertises". */
  readonly present: string;
  /** What to do about that: "end advertising first". */
  readonly end: string;
}

/** What the controller says of a state. Each unit that has it be at one declares its own. */
export interface StateFacts {
  readonly name: LeState;
  readonly activity: Activity;
  /** Bit of LE_States: the state alone. That of a connection as a central has none. */
  readonly alone?: number;
  /** Bits of LE_States: together with others, each pair in the facts of one of the two. */
  readonly beside: Readonly<Partial<Record<LeState, number>>>;
}

/** What both kinds of links are called. */
export const CONNECTED: Activity = {
  verb: "connect",
  present: "a device is connected",
  end: "wait until it leaves",
};

const PERIPHERAL: StateFacts = { name: "peripheral", activity: CONNECTED, alone: 7, beside: {} };

const NO_STATES = new Uint8Array(8);

/** Somebody who has the controller advertise, scan or look for a device. */
export interface StateUser {
  /** What the controller is at for it now; undefined when it is at nothing. */
  readonly state: StateFacts | undefined;
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
  /** A link as a central, where the image has those. */
  central: StateFacts | undefined = undefined;

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
  async conflict(wanted: StateFacts): Promise<StateFacts | undefined> {
    for (const other of this.present()) {
      const bit = wanted.beside[other.name] ?? other.beside[wanted.name];
      if (bit === undefined) continue;
      this.states ??= await this.read();
      const { states } = this;
      if (claims(states, wanted) && claims(states, other) && !hasBit(states, bit)) return other;
    }
    return undefined;
  }

  /** What the controller is at: its links first. */
  private present(): Set<StateFacts> {
    const present = new Set<StateFacts | undefined>();
    for (const { role } of this.port.links.values())
      present.add(role === ROLE.CENTRAL ? this.central : PERIPHERAL);
    for (const { state } of this.users) present.add(state);
    present.delete(undefined);
    return present as Set<StateFacts>;
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

function claims(states: Uint8Array, { alone }: StateFacts): boolean {
  return alone === undefined || hasBit(states, alone);
}

/** Whether it is a scan of either kind. */
export const isScanning = ({ name }: StateFacts): boolean =>
  name === "passiveScanning" || name === "activeScanning";

/** Whether it is a link in either role. */
export const isLink = ({ activity }: StateFacts): boolean => activity === CONNECTED;

/** The error of what the controller says that it cannot do beside `other`. */
export function excludedBy(wanted: StateFacts, other: StateFacts): BleError {
  const { verb } = wanted.activity;
  const { present, end } = other.activity;
  return new BleError(
    "controller-busy",
    `This Bluetooth controller cannot ${verb} while ${present}: ${end}.`,
  );
}
