/** A session with one controller: its states, events and failures (Vol 4, Part E, 4). Its commands: command-queue.ts. */

import type { Clock, HciReceiver, HciTransport, LogLevel, Timer } from "../../platform/platform.ts";
import { decode, type Fields, type Values, viewOf } from "../codec.ts";
import { type BleErrorCode, HciError } from "../errors.ts";
import { textOf } from "../text.ts";
import { COMMAND_TIMEOUT_MS, CommandQueue, SENDER, type Sender } from "./command-queue.ts";
import { reset } from "./commands/baseband.ts";
import { readBdAddr } from "./commands/informational.ts";
import { EVENT_CODE } from "./event-codes.ts";
import type { EventMasks } from "./event-masks.ts";
import { commandStatus } from "./events.ts";
import { type AnyCommand, type Command, H4_ACL, H4_EVENT, type HciEvent, LE_META } from "./packet.ts";
import type { CommandSeries } from "./series.ts";
import { HCI_STATUS } from "./status.ts";
import { Subscriptions } from "./subscriptions.ts";

/** Code of the events that a vendor defines (Vol 4, Part E, 5.4.4). */
const VENDOR = 0xff;

/**
 * A controller that has said nothing for this long, at most for twice as long, is asked for its address: one that has died
 * while nothing was asked of it reports nothing, as one that has nothing to report.
 */
export const SILENCE_MS = 30_000;

/** Lines about what a controller does wrong, from the opening of the line on. */
const WARNINGS_MAX = 16;

/** How far a session with the controller is. */
const STATE = {
  /** The line is closed. */
  CLOSED: 0,
  /** The line is open. What comes may be left from an earlier session: only the answer to Reset is believed. */
  RESETTING: 1,
  /** The controller is being set up: answers to commands are believed, and that it has failed. */
  STARTING: 2,
  /** Everything is believed. */
  RUNNING: 3,
  /** As RUNNING, and the next packet counts as a sign of life: see `AnswerTimer` and `awaitSilence`. */
  LISTENING: 5,
  /** The Reset that ends the session is on its way: only answers to commands are believed. */
  RETIRING: 4,
  /** The stack is cut off, and links end: see `silence`. */
  SILENT: 6,
} as const;

/** What HCI is handed by the host. */
export interface HciPort {
  readonly transport: HciTransport;
  readonly clock: Clock;
  log(level: LogLevel, message: string): void;
}

/** Where data goes. Packets begin with their H4 indicator. */
export interface HciData {
  /** An ACL packet of `length` bytes. False when it is malformed. */
  receive(packet: DataView, length: number): boolean;
  /** Number Of Completed Packets, `length` bytes, whose header is sound; it announces `count` links. */
  completed(packet: DataView, length: number, count: number): void;
  /** The same event with one entry. */
  completedOne(handle: number, count: number): void;
  /** The transport has room again. */
  drain(): void;
}

/** Where HCI delivers. */
export interface HciHandlers {
  readonly data: HciData;
  /** The controller has refused a command about a link that it does not know. */
  onUnknownConnection?(handle: number): void;
  /** A packet came that is malformed, or an event that nobody has asked for: it may have been another one. */
  onGarbled?(): void;
  /** The controller is lost: no answer, hardware error, or a broken line. HCI is closed already. */
  onFailure(error: HciError): void;
}

export class Hci implements HciReceiver {
  private state: (typeof STATE)[keyof typeof STATE] = STATE.CLOSED;
  private readonly data: HciData;
  private readonly port: HciPort;
  private readonly handlers: HciHandlers;
  private readonly subscriptions = new Subscriptions();
  private readonly commands: CommandQueue;
  /** What ended the latest session, until the next one runs: whoever asks for something meanwhile hears of it. */
  private failure: HciError | undefined = undefined;
  /** Set once the stack is cut off: see `silence`. */
  private onLastEnd: (() => void) | undefined = undefined;
  /** See `SILENCE_MS`; 0 never asks. It counts from the next session on. */
  silenceMs = SILENCE_MS;
  private silenceTimer: Timer | undefined = undefined;
  /** Packets that were refused since the line was opened. */
  malformed = 0;
  /** Lines about the controller's faults since the line was opened, those that were not logged included. */
  private warnings = 0;
  /** Packets that came before the controller was set up, or behind the end of a session, since the line was opened. */
  ignored = 0;

  constructor(port: HciPort, handlers: HciHandlers) {
    this.port = port;
    this.handlers = handlers;
    this.data = handlers.data;
    this.commands = new CommandQueue({
      transport: port.transport,
      clock: port.clock,
      refusal: (command, sender, isFirst) => this.refusal(command, sender, isFirst),
      onListen: () => {
        if (this.state === STATE.RUNNING) this.state = STATE.LISTENING;
      },
      onReset: () => this.begin(),
      onExpired: (message) => this.fail("controller-timeout", message),
      onUnknownConnection: (handle) => handlers.onUnknownConnection?.(handle),
      warn: (message) => this.warn(message),
    });
  }

  /**
   * Opens the line, or opens it again after a failure. Whatever comes, from a controller that went on without this host,
   * means nothing until Reset has been answered; other commands are not sent before.
   */
  open(): void {
    this.state = STATE.RESETTING;
    this.commands.begin();
    this.malformed = 0;
    this.warnings = 0;
    this.ignored = 0;
    this.port.transport.open(this);
  }

  /**
   * The controller is set up: events and data count from now on.
   * @throws HciError what ended the line since the last answer.
   */
  run(): void {
    if (this.state !== STATE.STARTING) {
      throw this.failure ?? switchedOff();
    }
    this.failure = undefined;
    this.state = STATE.RUNNING;
    this.awaitSilence();
  }

  /**
   * Closes the line for `reason`: commands still waiting reject with it, and so do those to come, until a controller runs
   * again.
   */
  close(reason: HciError = switchedOff()): void {
    if (this.state !== STATE.CLOSED) this.shut(reason);
    else this.failure = reason;
  }

  /** Takes the controller for lost, for what `reason` says in a sentence. */
  abandon(reason: string): void {
    if (this.state !== STATE.CLOSED) this.fail("controller-lost", reason);
  }

  /**
   * Resets the controller and closes the line once it has answered: bytes that are on their way would be the beginning of
   * the next session. Events and data count no more. Commands that wait, and those to come, reject with `radio-off`.
   * Never rejects.
   */
  async retire(): Promise<void> {
    if (this.state === STATE.CLOSED) return;
    this.stopSilence();
    this.failure = switchedOff();
    this.commands.refuseWaiting(this.failure);
    const answered = this.onLastEnd ? this.sendLast(reset, {}) : this.sendSetup(reset, {});
    this.state = STATE.RETIRING;
    await answered.catch((error: unknown) =>
      this.port.log("warning", `hci: switching off: ${textOf(error)}`),
    );
    this.close();
  }

  /**
   * Cuts the stack off from the controller, for good: the camera is about to start anew or to sleep, and what would end for
   * that is no failure of the application's. Nothing that comes reaches anybody, and whoever waits for the controller, or asks
   * for something from now on, waits for ever. `sendLast` and `retire` work on.
   * @param onLinkEnded called for each link whose end the controller reports
   */
  silence(onLinkEnded: () => void): void {
    this.stopSilence();
    this.onLastEnd = onLinkEnded;
    this.commands.cutOff();
    if (this.state === STATE.RUNNING || this.state === STATE.LISTENING) this.state = STATE.SILENT;
  }

  /** As `send`, once the stack is cut off. */
  sendLast<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
  ): Promise<Values<R>> {
    return this.commands.send(command, parameters, COMMAND_TIMEOUT_MS, SENDER.LAST);
  }

  /**
   * Calls `listener` for each such event, after those that listened before. Listeners are there when the controller is
   * started: it sends no other events.
   * @throws Error for a second listener to an event that demands a reply: one has to own it.
   */
  on<F extends Fields>(event: HciEvent<F>, listener: (values: Values<F>) => void): void {
    this.subscriptions.add(event, listener);
  }

  /** The event masks for all that is listened to, cut to what the controller has. */
  eventMasks(leFeatures: Uint8Array): EventMasks {
    return this.subscriptions.masks(leFeatures);
  }

  /**
   * Sends a command and resolves with what it returns; commands wait for each other (Vol 4, Part E, 4.4). Between `open` and
   * `run` none is sent: what is asked for then was begun in an earlier session, or comes too early.
   * @throws HciError `controller-refused` with the status, `controller-timeout`, or the failure that ended the line.
   */
  send<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
    timeoutMs = COMMAND_TIMEOUT_MS,
  ): Promise<Values<R>> {
    return this.commands.send(command, parameters, timeoutMs);
  }

  /**
   * As `send`, for who sets the controller up: between `open` and `run` it takes commands from nobody else.
   */
  sendSetup<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
    timeoutMs = COMMAND_TIMEOUT_MS,
  ): Promise<Values<R>> {
    return this.commands.send(command, parameters, timeoutMs, SENDER.SETUP);
  }

  /**
   * As `sendSetup` with the commands of a series, one behind the other, each when the one before was answered; resolves behind
   * the last. A patch is hundreds of them: with no promise and no timer of its own each costs a fraction of a `send`.
   * @param timeoutMs for each answer
   * @throws HciError as `sendSetup`; `series` is at the command that failed.
   */
  sendSeries(series: CommandSeries, timeoutMs = COMMAND_TIMEOUT_MS): Promise<void> {
    return this.commands.sendSeries(series, timeoutMs);
  }

  /** Why a command is not sent: the line is closed or about to be, Reset has not been sent, or the controller is not set up. */
  private refusal({ name, opcode }: AnyCommand, sender: Sender, isFirst: boolean): HciError | undefined {
    const { state } = this;
    const isEarly = state === STATE.RESETTING && isFirst && opcode !== reset.opcode;
    const isSetUp = state !== STATE.RESETTING && state !== STATE.STARTING;
    const isAllowed = isSetUp || (sender === SENDER.SETUP && !isEarly);
    if (state !== STATE.CLOSED && state !== STATE.RETIRING && isAllowed) return undefined;
    return this.failure ?? new HciError("radio-off", `${name} was not sent: the radio is off.`);
  }

  /** Needs no `this`: the line calls it for every packet. */
  readonly onPacket = (packet: DataView): void => {
    if (this.state !== STATE.RUNNING) return this.receiveOutside(packet);
    const length = packet.byteLength;
    if (length < 4) return this.receiveShort(packet, length);
    const header = packet.getUint32(0, true);
    const type = header & 0xff;
    if (type === H4_EVENT && ((header >> 16) & 0xff) === length - 3) {
      const code = (header >> 8) & 0xff;
      if (code === EVENT_CODE.NUMBER_OF_COMPLETED_PACKETS) this.data.completed(packet, length, header >>> 24);
      else this.receiveEvent(code, packet, length);
    } else if (type !== H4_ACL || !this.data.receive(packet, length)) {
      this.refuse("packet", type);
    }
  };

  /** As `onPacket` with the event's packet, which outside a session that runs is what decides. Needs no `this` either. */
  readonly onCompleted = (handle: number, count: number): void => {
    if (this.state === STATE.RUNNING) return this.data.completedOne(handle, count);
    const entry = [handle & 0xff, handle >> 8, count & 0xff, count >> 8];
    this.receiveOutside(
      viewOf(Uint8Array.of(H4_EVENT, EVENT_CODE.NUMBER_OF_COMPLETED_PACKETS, 5, 1, ...entry)),
    );
  };

  /** As `onPacket` with the event's packet. Needs no `this` either. */
  readonly onSucceeded = (opcode: number, credits: number): void => {
    const { state } = this;
    const isBelieved = state === STATE.RUNNING || state === STATE.STARTING;
    if (isBelieved && this.commands.succeeded(opcode, credits)) return;
    const answer = [credits, opcode & 0xff, opcode >> 8, HCI_STATUS.SUCCESS];
    this.onPacket(viewOf(Uint8Array.of(H4_EVENT, EVENT_CODE.COMMAND_COMPLETE, answer.length, ...answer)));
  };

  /** An event without parameters, or nothing. */
  private receiveShort(packet: DataView, length: number): void {
    const type = length > 0 ? packet.getUint8(0) : 0;
    if (length === 3 && type === H4_EVENT && packet.getUint8(2) === 0) {
      this.receiveEvent(packet.getUint8(1), packet, length);
    } else {
      this.refuse("packet", type);
    }
  }

  onWritable(): void {
    this.commands.pump();
    this.data.drain();
  }

  onFailure(reason: string): void {
    if (this.state !== STATE.CLOSED)
      this.fail("controller-lost", `The line to the Bluetooth controller failed: ${reason}.`);
  }

  /**
   * Outside a session that runs: the answer to the command on its way, and while the controller is set up that it has
   * failed.
   */
  private receiveOutside(packet: DataView): void {
    const { state } = this;
    if (state === STATE.CLOSED) return;
    this.commands.heard();
    if (state === STATE.LISTENING) {
      this.state = STATE.RUNNING;
      return this.onPacket(packet);
    }
    const end = packet.byteLength;
    const code = end >= 3 && packet.getUint8(0) === H4_EVENT ? packet.getUint8(1) : -1;
    const isWhole = code >= 0 && packet.getUint8(2) === end - 3;
    const opcodeAt = code === EVENT_CODE.COMMAND_COMPLETE ? 4 : code === EVENT_CODE.COMMAND_STATUS ? 5 : end;
    const opcode = isWhole && opcodeAt + 2 <= end ? packet.getUint16(opcodeAt, true) : -1;
    const isAnswer = opcode >= 0 && this.commands.awaits(opcode);
    // Opcode 0 only brings credits, which are those of a session.
    const isCredit = opcode === 0 && state !== STATE.RESETTING;
    const isFailure = isWhole && code === EVENT_CODE.HARDWARE_ERROR && state === STATE.STARTING;
    if (isWhole && code === EVENT_CODE.DISCONNECTION_COMPLETE && state === STATE.SILENT) this.onLastEnd?.();
    if (isAnswer || isCredit || isFailure) this.receiveEvent(code, packet, end);
    else this.ignored++;
  }

  private receiveEvent(code: number, packet: DataView, end: number): void {
    if (code === EVENT_CODE.COMMAND_COMPLETE) {
      if (end < 6) return this.refuse("event", code);
      return this.commands.complete(packet.getUint16(4, true), packet.getUint8(3), packet, 6);
    }
    if (code === EVENT_CODE.COMMAND_STATUS) {
      const values = decode(commandStatus.fields, packet, 3, end);
      if (!values) return this.refuse("event", code);
      return this.commands.report(values.commandOpcode, values.numHciCommandPackets, values.status);
    }
    if (code === EVENT_CODE.HARDWARE_ERROR) {
      const hardwareCode = end > 3 ? packet.getUint8(3) : 0;
      return this.fail(
        "controller-lost",
        `The Bluetooth controller reported hardware error 0x${hardwareCode.toString(16)}.`,
      );
    }
    const outcome = this.subscriptions.report(code, packet, end);
    if (outcome === "malformed") this.refuse("event", code);
    else if (outcome === "unheard" && code !== LE_META && code !== VENDOR) this.handlers.onGarbled?.();
  }

  /** Logs what the controller does wrong, which it can do as often as it likes. */
  private warn(message: string): void {
    if (this.warnings++ < WARNINGS_MAX) this.port.log("warning", message);
    else if (this.warnings === WARNINGS_MAX + 1) {
      this.port.log("warning", "hci: the controller goes on so; no more of it is logged");
    }
  }

  /** What an event with this code says cannot be: it counts as malformed. */
  refuseEvent(code: number): void {
    this.refuse("event", code);
  }

  private refuse(what: string, code: number): void {
    this.malformed++;
    this.warn(`hci: dropped a malformed ${what} 0x${code.toString(16)} from the controller`);
    this.handlers.onGarbled?.();
  }

  /** Reset was answered: a session begins. */
  private begin(): void {
    if (this.state !== STATE.RESETTING) return;
    this.state = STATE.STARTING;
    if (this.ignored === 0) return;
    this.port.log("info", `hci: ignored ${this.ignored} packets of an earlier session of the controller`);
  }

  /** Looks in `silenceMs` whether a packet came: the first one ends LISTENING, so that those behind it cost nothing. */
  private awaitSilence(): void {
    if (this.silenceMs === 0) return;
    this.state = STATE.LISTENING;
    this.silenceTimer = this.port.clock.setTimer(() => {
      const wasSilent = this.state === STATE.LISTENING;
      this.awaitSilence();
      // Every controller has this command, and had it asked at its start. The answer counts; what it says does not.
      if (wasSilent) this.send(readBdAddr, {}).catch(() => undefined);
    }, this.silenceMs);
  }

  private stopSilence(): void {
    if (this.silenceTimer !== undefined) this.port.clock.clearTimer(this.silenceTimer);
    this.silenceTimer = undefined;
  }

  private fail(code: BleErrorCode, message: string): void {
    const error = new HciError(code, message);
    this.shut(error);
    if (!this.onLastEnd) this.handlers.onFailure(error);
  }

  private shut(error: HciError): void {
    this.stopSilence();
    this.state = STATE.CLOSED;
    this.failure = error;
    this.commands.end(error);
    this.port.transport.close();
  }
}

const switchedOff = (): HciError => new HciError("radio-off", "The radio was switched off.");
