/** Commands, events and failures of one controller (Vol 4, Part E, 4). */

import type { Clock, HciReceiver, HciTransport, LogLevel } from "../../platform/platform.ts";
import { decode, encodeInto, type Fields, type Values, viewOf, Writer } from "../codec.ts";
import { type BleErrorCode, HciError } from "../errors.ts";
import { textOf } from "../text.ts";
import { AnswerTimer, type TimedCommand } from "./answer-timer.ts";
import { reset } from "./commands/baseband.ts";
import type { EventMasks } from "./event-masks.ts";
import {
  commandComplete,
  commandStatus,
  disconnectionComplete,
  hardwareError,
  numberOfCompletedPackets,
} from "./events.ts";
import {
  type AnyCommand,
  type Command,
  H4_ACL,
  H4_COMMAND,
  H4_EVENT,
  type HciEvent,
  LE_META,
} from "./packet.ts";
import type { CommandSeries } from "./series.ts";
import { HCI_STATUS, statusText } from "./status.ts";
import { Subscriptions } from "./subscriptions.ts";

/** A controller that has not answered a command after this long is taken for dead (Vol 4, Part E, 4.4 sets no figure). */
export const COMMAND_TIMEOUT_MS = 2000;

/** Code of the events that a vendor defines (Vol 4, Part E, 5.4.4). */
const VENDOR = 0xff;

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
  /** As RUNNING, and the next packet counts as a sign of life: see `listen`. */
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

interface PendingCommand extends TimedCommand {
  readonly command: AnyCommand;
  /** Puts it on the line, whole; false when there is no room. */
  readonly write: () => boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: HciError) => void;
  /** The link that it is about. */
  readonly handle?: number | undefined;
  /** What it is a command of. */
  readonly series?: CommandSeries;
  /** It ends the run of the camera: see `silence`. */
  readonly isLast?: boolean;
}

export class Hci implements HciReceiver {
  private state: (typeof STATE)[keyof typeof STATE] = STATE.CLOSED;
  private readonly data: HciData;
  private readonly port: HciPort;
  private readonly handlers: HciHandlers;
  private readonly subscriptions = new Subscriptions();
  private readonly queue: PendingCommand[] = [];
  private inFlight: PendingCommand | undefined;
  private credits = 1;
  private readonly timer: AnswerTimer<PendingCommand>;
  /** What ended the latest session, until the next one runs: whoever asks for something meanwhile hears of it. */
  private failure: HciError | undefined = undefined;
  /** Set once the stack is cut off: see `silence`. */
  private onLastEnd: (() => void) | undefined = undefined;
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
    this.timer = new AnswerTimer({
      clock: port.clock,
      onListen: () => {
        if (this.state === STATE.RUNNING) this.state = STATE.LISTENING;
      },
      onExpired: (pending) => this.expire(pending),
    });
  }

  /**
   * Opens the line, or opens it again after a failure. Whatever comes, from a controller that went on without this host,
   * means nothing until Reset has been answered; other commands are not sent before.
   */
  open(): void {
    this.state = STATE.RESETTING;
    this.credits = 1;
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
    this.failure = switchedOff();
    for (const pending of this.queue.splice(0)) pending.reject(this.failure);
    if (!this.inFlight) this.timer.stop();
    const answered = this.onLastEnd ? this.sendLast(reset, {}) : this.send(reset, {});
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
    this.onLastEnd = onLinkEnded;
    this.queue.length = 0;
    if (this.state === STATE.RUNNING || this.state === STATE.LISTENING) this.state = STATE.SILENT;
  }

  /** As `send`, once the stack is cut off. */
  sendLast<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
  ): Promise<Values<R>> {
    return this.post(command, parameters, COMMAND_TIMEOUT_MS, true);
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
   * Sends a command and resolves with what it returns; commands wait for each other (Vol 4, Part E, 4.4).
   * @throws HciError `controller-refused` with the status, `controller-timeout`, or the failure that ended the line.
   */
  send<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
    timeoutMs = COMMAND_TIMEOUT_MS,
  ): Promise<Values<R>> {
    return this.post(command, parameters, timeoutMs, false);
  }

  private post<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
    timeoutMs: number,
    isLast: boolean,
  ): Promise<Values<R>> {
    const writer = new Writer();
    writer.u8(H4_COMMAND);
    writer.u16(command.opcode);
    writer.u8(0);
    encodeInto(writer, command.parameters, parameters);
    const packet = writer.finish();
    packet[3] = packet.length - 4;
    const write = (): boolean => this.port.transport.write(packet, packet.length);
    const { connectionHandle: handle } = parameters as { connectionHandle?: number };
    return new Promise((resolve, reject) =>
      this.enqueue({ command, write, resolve, reject, timeoutMs, handle, isLast }),
    );
  }

  /**
   * Sends the commands of a series one behind the other, each when the one before was answered, and resolves behind the last. A
   * patch is hundreds of them: with no promise and no timer of its own each costs a fraction of a `send`.
   * @param timeoutMs for each answer
   * @throws HciError as `send`; `series` is at the command that failed.
   */
  sendSeries(series: CommandSeries, timeoutMs = COMMAND_TIMEOUT_MS): Promise<void> {
    const { command } = series;
    const write = (): boolean => series.send();
    return new Promise((resolve, reject) =>
      this.enqueue({ command, write, resolve, reject, timeoutMs, series }),
    );
  }

  private enqueue(pending: PendingCommand): void {
    if (!this.counts(pending)) return;
    const { command } = pending;
    const { state } = this;
    const isFirst = !this.inFlight && this.queue.length === 0;
    const isEarly = state === STATE.RESETTING && isFirst && command.opcode !== reset.opcode;
    if (state === STATE.CLOSED || state === STATE.RETIRING || isEarly) {
      return pending.reject(
        this.failure ?? new HciError("radio-off", `${command.name} was not sent: the radio is off.`),
      );
    }
    this.queue.push(pending);
    this.pump();
  }

  /** Whether somebody is still to hear of it. */
  private counts({ isLast }: PendingCommand): boolean {
    return isLast === true || !this.onLastEnd;
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
      if (code === numberOfCompletedPackets.code) this.data.completed(packet, length, header >>> 24);
      else this.receiveEvent(code, packet, length);
    } else if (type !== H4_ACL || !this.data.receive(packet, length)) {
      this.refuse("packet", type);
    }
  };

  /** As `onPacket` with the event's packet, which outside a session that runs is what decides. Needs no `this` either. */
  readonly onCompleted = (handle: number, count: number): void => {
    if (this.state === STATE.RUNNING) return this.data.completedOne(handle, count);
    const entry = [handle & 0xff, handle >> 8, count & 0xff, count >> 8];
    this.receiveOutside(viewOf(Uint8Array.of(H4_EVENT, numberOfCompletedPackets.code, 5, 1, ...entry)));
  };

  /** As `onPacket` with the event's packet. Needs no `this` either. */
  readonly onSucceeded = (opcode: number, credits: number): void => {
    const { inFlight, state } = this;
    if (state === STATE.STARTING && inFlight?.command.opcode === opcode) {
      if (inFlight.series && credits > 0) return this.advance(inFlight, inFlight.series);
      return this.answered(opcode, credits, SUCCEEDED, 0);
    }
    if (state === STATE.RUNNING) return this.answered(opcode, credits, SUCCEEDED, 0);
    const answer = [credits, opcode & 0xff, opcode >> 8, HCI_STATUS.SUCCESS];
    this.onPacket(viewOf(Uint8Array.of(H4_EVENT, commandComplete.code, answer.length, ...answer)));
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
    this.pump();
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
    this.timer.heard = true;
    if (state === STATE.LISTENING) {
      this.state = STATE.RUNNING;
      return this.onPacket(packet);
    }
    const end = packet.byteLength;
    const code = end >= 3 && packet.getUint8(0) === H4_EVENT ? packet.getUint8(1) : -1;
    const isWhole = code >= 0 && packet.getUint8(2) === end - 3;
    const opcodeAt = code === commandComplete.code ? 4 : code === commandStatus.code ? 5 : end;
    const opcode = isWhole && opcodeAt + 2 <= end ? packet.getUint16(opcodeAt, true) : -1;
    const isAnswer = opcode >= 0 && opcode === this.inFlight?.command.opcode;
    // Opcode 0 only brings credits, which are those of a session.
    const isCredit = opcode === 0 && state !== STATE.RESETTING;
    const isFailure = isWhole && code === hardwareError.code && state === STATE.STARTING;
    if (isWhole && code === disconnectionComplete.code && state === STATE.SILENT) this.onLastEnd?.();
    if (isAnswer || isCredit || isFailure) this.receiveEvent(code, packet, end);
    else this.ignored++;
  }

  private receiveEvent(code: number, packet: DataView, end: number): void {
    if (code === commandComplete.code) {
      if (end < 6) return this.refuse("event", code);
      return this.answered(packet.getUint16(4, true), packet.getUint8(3), packet, 6);
    }
    if (code === commandStatus.code) {
      const values = decode(commandStatus.fields, packet, 3, end);
      if (!values) return this.refuse("event", code);
      return this.started(values.commandOpcode, values.numHciCommandPackets, values.status);
    }
    if (code === hardwareError.code) {
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

  private refuse(what: string, code: number): void {
    this.malformed++;
    this.warn(`hci: dropped a malformed ${what} 0x${code.toString(16)} from the controller`);
    this.handlers.onGarbled?.();
  }

  /** A command of a series succeeded: the next one goes out, at once where the answer was the usual one. */
  private advance(pending: PendingCommand, series: CommandSeries): void {
    const goesOn = series.next();
    if (this.inFlight === pending) {
      if (goesOn && series.send()) {
        pending.sentMs = this.port.clock.now();
        return;
      }
      this.inFlight = undefined;
      this.credits = 1;
      this.timer.stop();
    }
    if (!goesOn) pending.resolve(undefined as never);
    else if (this.state === STATE.RETIRING) pending.reject(switchedOff());
    else this.queue.unshift(pending);
    this.pump();
  }

  /** Command Complete. */
  private answered(opcode: number, credits: number, packet: DataView, at: number): void {
    const pending = this.claim(opcode, credits);
    if (!pending) return;
    const end = packet.byteLength;
    const status = at < end ? packet.getUint8(at) : HCI_STATUS.UNSPECIFIED;
    if (status !== HCI_STATUS.SUCCESS) {
      this.refused(pending, status);
    } else {
      if (pending.series) return this.advance(pending, pending.series);
      if (opcode === reset.opcode && this.state === STATE.RESETTING) this.begin();
      const values = decode(pending.command.returns, packet, at + 1, end);
      if (values) pending.resolve(values as never);
      else this.refused(pending, HCI_STATUS.UNSPECIFIED);
    }
    this.pump();
  }

  /** Reset was answered: a session begins. */
  private begin(): void {
    this.state = STATE.STARTING;
    if (this.ignored === 0) return;
    this.port.log("info", `hci: ignored ${this.ignored} packets of an earlier session of the controller`);
  }

  /** Command Status. */
  private started(opcode: number, credits: number, status: number): void {
    const waiting = this.inFlight?.command;
    if (status === HCI_STATUS.SUCCESS && waiting?.opcode === opcode && !waiting.statusOnly) {
      this.credits = credits; // It works on the command: the result follows as Command Complete.
      return;
    }
    const pending = this.claim(opcode, credits);
    if (!pending) return;
    if (status !== HCI_STATUS.SUCCESS) this.refused(pending, status);
    else pending.resolve({} as never);
    this.pump();
  }

  private refused({ command, handle, reject }: PendingCommand, status: number): void {
    const message = `The Bluetooth controller refused ${command.name}: ${statusText(status)}.`;
    reject(new HciError("controller-refused", message, status));
    if (status === HCI_STATUS.UNKNOWN_CONNECTION && handle !== undefined) {
      this.handlers.onUnknownConnection?.(handle);
    }
  }

  /** The command that an answer belongs to. Opcode 0 only brings credits; an answer that nobody awaits is dropped. */
  private claim(opcode: number, credits: number): PendingCommand | undefined {
    this.credits = credits;
    const pending = this.inFlight;
    if (pending && pending.command.opcode === opcode) {
      this.inFlight = undefined;
      this.timer.stop();
      return pending;
    }
    if (opcode !== 0) this.warn(`hci: answer to command 0x${opcode.toString(16)}, which is not waiting`);
    this.pump();
    return undefined;
  }

  private pump(): void {
    const next = this.queue[0];
    if (!next || this.inFlight || this.state === STATE.CLOSED) return;
    if (this.credits > 0 && next.write()) {
      this.queue.shift();
      this.inFlight = next;
      this.credits--;
      this.timer.start(next);
    } else if (!this.timer.isRunning) {
      // A controller that grants no credit, or a line that takes no bytes, must not hang the host for ever.
      this.timer.start(next);
    }
  }

  private expire(pending: PendingCommand): void {
    const { command, timeoutMs } = pending;
    const what =
      pending === this.inFlight
        ? `The Bluetooth controller did not answer ${command.name} within ${timeoutMs} ms`
        : this.credits > 0
          ? `The line to the Bluetooth controller took no bytes for ${timeoutMs} ms, so ${command.name} was not sent`
          : `The Bluetooth controller allowed no command for ${timeoutMs} ms, so ${command.name} was not sent`;
    this.fail("controller-timeout", `${what}; check its power, wiring and baud rate.`);
  }

  private fail(code: BleErrorCode, message: string): void {
    const error = new HciError(code, message);
    this.shut(error);
    if (!this.onLastEnd) this.handlers.onFailure(error);
  }

  private shut(error: HciError): void {
    this.state = STATE.CLOSED;
    this.failure = error;
    this.timer.stop();
    this.port.transport.close();
    const waiting = this.queue.splice(0);
    if (this.inFlight) waiting.unshift(this.inFlight);
    this.inFlight = undefined;
    for (const pending of waiting) if (this.counts(pending)) pending.reject(error);
  }
}

/** A status without other return parameters. */
const SUCCEEDED = viewOf(Uint8Array.of(HCI_STATUS.SUCCESS));

const switchedOff = (): HciError => new HciError("radio-off", "The radio was switched off.");
