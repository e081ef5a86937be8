/** An application's functions that stand for the camera's user while it pairs. */
import { checkKeys, type OptionKeys } from "../ble/option-keys.ts";
import { IO_CAPABILITY } from "../ble/smp/method.ts";
import type { Dialog, PairingUser, SecuredLink } from "../ble/smp/port.ts";
import type { OutOfBand } from "../ble/smp/state.ts";
import { sixDigits } from "../ble/smp/toolbox.ts";
import { textOf } from "../ble/text.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import type { Signal } from "./wait.ts";

/** How two devices convince their users that nobody stands between them. */
export type PairingMethod = "justWorks" | "comparison" | "passkey" | "outOfBand";

/** What every function of an agent is handed. */
export interface AgentRequest {
  readonly connection: DeviceConnection;
  /**
   * Aborts when the pairing is over, well or not, whether this has been answered or not: an answer is of no use any more, and what is
   * shown may go.
   */
  readonly signal: Signal;
}

/**
 * What a camera has for pairing: leave out what it has not. Each function may return a promise; one that throws or rejects
 * counts as the user's no. They serve the same in both roles.
 */
export interface PairingAgent {
  /** Shows these six digits, which the user of the other device types. */
  display?(request: AgentRequest & { readonly passkey: string }): void | Promise<void>;
  /** Has the user type the six digits that the other device shows, or that both are to type; undefined gives up. */
  input?(request: AgentRequest): number | string | undefined | Promise<number | string | undefined>;
  /** Shows these six digits, and has the user say whether the other device shows the same. */
  compare?(request: AgentRequest & { readonly number: string }): boolean | Promise<boolean>;
  /** Decides whether a pairing that the other device began goes on. */
  accept?(
    request: AgentRequest & {
      readonly method: PairingMethod;
      /** Whether the key will be authenticated. */
      readonly authenticated: boolean;
      /** A device with this address is bonded: its bond will be replaced. */
      readonly bonded: boolean;
    },
  ): boolean | Promise<boolean>;
  /** The other device's user types: 0 began, 1 a digit, 2 one erased, 3 all erased, 4 done (Vol 3, Part H, 3.5.8). */
  keypress?(request: { readonly connection: DeviceConnection; readonly kind: number }): void;
  /** What was learned of the other device by another way than the radio, for pairings that it begins. */
  readonly oob?: OobData;
}

/** What two devices hand each other by another way than the radio, each number 16 bytes, most significant first. */
export interface OobData {
  /**
   * LE Secure Connections: the other device's random number, and its commitment to its key (`security.localOob`). 16 bytes,
   * most significant first; in AD structures (0x22, 0x23) and NFC records they stand the other way round.
   */
  readonly random?: Uint8Array;
  readonly confirm?: Uint8Array;
  /** Legacy pairing: a random number that both devices know. */
  readonly temporaryKey?: Uint8Array;
}

const OOB_KEYS: OptionKeys<OobData> = { random: "bytes", confirm: "bytes", temporaryKey: "bytes" };

/** @throws TypeError, RangeError for what is no out-of-band data. */
export function outOfBandOf(data: OobData | undefined): OutOfBand {
  if (data === undefined) return {};
  if (typeof data !== "object" || data === null) {
    throw new TypeError("oob is not an object: give it random and confirm, or temporaryKey");
  }
  checkKeys("oob", data, OOB_KEYS);
  const { random, confirm, temporaryKey } = data;
  for (const [name, bytes] of Object.entries({ random, confirm, temporaryKey })) {
    if (bytes !== undefined && bytes.length !== 16)
      throw new RangeError(`oob: ${name} has ${bytes.length} bytes, not 16`);
  }
  if ((random === undefined) !== (confirm === undefined)) {
    throw new TypeError("oob: random and confirm go together");
  }
  if (!random && !temporaryKey)
    throw new TypeError("oob is empty: give it random and confirm, or temporaryKey");
  return {
    ...(random && confirm ? { peer: { random: random.slice(), confirm: confirm.slice() } } : {}),
    ...(temporaryKey ? { temporaryKey: temporaryKey.slice() } : {}),
  };
}

/** The functions that an agent may have. */
const FUNCTIONS = ["display", "input", "compare", "accept", "keypress"] as const;

const AGENT_KEYS: OptionKeys<PairingAgent> = {
  display: true,
  input: true,
  compare: true,
  accept: true,
  keypress: true,
  oob: true,
};

/**
 * @throws TypeError for what is no agent, or would silently be worth less than it looks; it names the function, or the key that there
 *   is not. An object of a class may have what it likes besides.
 */
export function checkAgent(agent: PairingAgent): void {
  if (typeof agent !== "object" || agent === null) {
    throw new TypeError(
      `agent ${String(agent)} is not an object: give it functions, or undefined for no agent`,
    );
  }
  const prototype: unknown = Object.getPrototypeOf(agent);
  if (prototype === Object.prototype || prototype === null) checkKeys("agent", agent, AGENT_KEYS);
  for (const name of FUNCTIONS) {
    const given: unknown = agent[name];
    if (given !== undefined && typeof given !== "function") {
      throw new TypeError(`agent: ${name} is not a function: leave out what the camera has not`);
    }
  }
  if (agent.oob === undefined && FUNCTIONS.every((name) => agent[name] === undefined)) {
    throw new TypeError(
      `agent has none of ${FUNCTIONS.join(", ")} and oob: give it what the camera has, or undefined for no agent`,
    );
  }
  if (agent.compare && !agent.display) {
    throw new TypeError(
      "agent: compare needs display too: who can show a number to compare can show a passkey",
    );
  }
}

/** What an agent's functions amount to (Vol 3, Part H, Table 3.4): only what it can answer in every case. */
export function ioOf({ compare, display, input }: PairingAgent): number {
  if (input) return display && compare ? IO_CAPABILITY.KEYBOARD_DISPLAY : IO_CAPABILITY.KEYBOARD_ONLY;
  if (display) return compare ? IO_CAPABILITY.DISPLAY_YES_NO : IO_CAPABILITY.DISPLAY_ONLY;
  return IO_CAPABILITY.NO_INPUT_NO_OUTPUT;
}

/** What each IO capability needs an agent to have. */
const NEEDS: readonly (readonly ("display" | "input" | "compare")[])[] = [
  ["display"],
  ["display", "compare"],
  ["input"],
  [],
  ["input", "display", "compare"],
];

/** @throws RangeError for an IO capability that is none, or that the agent has not the functions for. */
export function checkIo(io: number, agent: PairingAgent): void {
  const needs = NEEDS[io];
  if (!needs) throw new RangeError(`pair: io ${io} is out of range: 0 to 4`);
  const missing = needs.filter((name) => agent[name] === undefined);
  if (missing.length > 0)
    throw new RangeError(`pair: io ${io} needs an agent that has ${missing.join(" and ")}`);
}

/** Asks an agent in the place of a user. */
export class AgentUser implements PairingUser {
  readonly io: number;
  readonly outOfBand: OutOfBand;
  private readonly core: Core;
  private readonly agent: PairingAgent;
  private readonly connectionOf: (link: SecuredLink) => DeviceConnection | undefined;
  /** What was asked or told in pairings that are not over, with what withdraws it. */
  private readonly open = new Map<Dialog, AbortController>();

  /** @throws TypeError, RangeError for bad out-of-band data. */
  constructor(
    core: Core,
    agent: PairingAgent,
    connectionOf: (link: SecuredLink) => DeviceConnection | undefined,
    io = ioOf(agent),
  ) {
    this.core = core;
    this.agent = agent;
    this.connectionOf = connectionOf;
    this.io = io;
    this.outOfBand = outOfBandOf(agent.oob);
  }

  get asksConsent(): boolean {
    return this.agent.accept !== undefined;
  }

  get hearsKeypresses(): boolean {
    return this.agent.keypress !== undefined;
  }

  ask(dialog: Dialog): void {
    const connection = this.connectionOf(dialog.link);
    if (!connection) return dialog.answer(false);
    const aborter = new this.core.signals.AbortController();
    this.open.set(dialog, aborter);
    this.answer(dialog, { connection, signal: aborter.signal }).then(
      (value) => dialog.answer(value),
      (error: unknown) => {
        const { peerLog } = this.core.host;
        const { asks } = dialog.question;
        const name = asks === "consent" ? "accept" : asks;
        peerLog.write("error", `aioble: the agent's ${name} failed: ${textOf(error)}`, error);
        dialog.answer(false);
      },
    );
  }

  private async answer(dialog: Dialog, request: AgentRequest): Promise<number | boolean | undefined> {
    const { agent } = this;
    const { question } = dialog;
    switch (question.asks) {
      case "display": {
        // The user of the other device may type while this goes on.
        const shown = agent.display?.({ ...request, passkey: sixDigits(question.passkey) });
        dialog.answer(undefined);
        await shown;
        return undefined;
      }
      case "input":
        return passkeyOf(await agent.input?.(request));
      case "compare":
        return (await agent.compare?.({ ...request, number: sixDigits(question.number) })) === true;
      default: {
        const { method, level } = question;
        const { isAuthenticated: authenticated } = level;
        const details = { ...request, method, authenticated, bonded: dialog.isBonded };
        return (await agent.accept?.(details)) === true;
      }
    }
  }

  withdraw(dialog: Dialog): void {
    const aborter = this.open.get(dialog);
    this.open.delete(dialog);
    aborter?.abort(new Error("the pairing has ended"));
  }

  keypress(link: SecuredLink, kind: number): void {
    const connection = this.connectionOf(link);
    if (!connection) return;
    try {
      this.agent.keypress?.({ connection, kind });
    } catch (error) {
      const { peerLog } = this.core.host;
      peerLog.write("error", `aioble: the agent's keypress failed: ${textOf(error)}`, error);
    }
  }
}

/** A number, or six digits as they were typed. */
function passkeyOf(value: number | string | undefined): number | undefined {
  if (typeof value !== "string") return value;
  const digits = value.trim();
  return digits.length > 0 && [...digits].every((digit) => digit >= "0" && digit <= "9")
    ? Number(digits)
    : undefined;
}
