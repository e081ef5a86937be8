/** Commands to the controller: one waits for another, for credits and for its answer (Vol 4, Part E, 4.4). */

import type { Clock, HciTransport } from "../../platform/platform.ts";
import { decode, encodeInto, type Fields, type Values, viewOf, Writer } from "../codec.ts";
import { HciError } from "../errors.ts";
import { AnswerTimer, type TimedCommand } from "./answer-timer.ts";
import { reset } from "./commands/baseband.ts";
import { type AnyCommand, type Command, H4_COMMAND } from "./packet.ts";
import type { CommandSeries } from "./series.ts";
import { HCI_STATUS, statusText } from "./status.ts";

/** A controller that has not answered a command after this long is taken for dead (Vol 4, Part E, 4.4 sets no figure). */
export const COMMAND_TIMEOUT_MS = 2000;

/** Who sends a command, which decides when it goes out. */
export const SENDER = {
  /** Whoever uses the radio, while it is on. */
  USER: 0,
  /** Whoever sets the controller up: see `Hci.sendSetup`. */
  SETUP: 1,
  /** Whoever ends the run of the camera: see `CommandQueue.cutOff`. */
  LAST: 2,
} as const;

export type Sender = (typeof SENDER)[keyof typeof SENDER];

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
  readonly sender: Sender;
}

/** What the commands are handed by the session. */
export interface CommandPort {
  readonly transport: HciTransport;
  readonly clock: Clock;
  /**
   * Why a command is not sent as the session stands; undefined when it is.
   * @param isFirst nothing else waits, or is under way
   */
  refusal(command: AnyCommand, sender: Sender, isFirst: boolean): HciError | undefined;
  /** From now on a packet is to call `CommandQueue.heard`. */
  onListen(): void;
  /** Reset was answered. */
  onReset(): void;
  /** The controller did not take or answer a command in time, for what `message` says: it is lost. */
  onExpired(message: string): void;
  /** The controller has refused a command about a link that it does not know. */
  onUnknownConnection(handle: number): void;
  /** Logs what the controller does wrong. */
  warn(message: string): void;
}

export class CommandQueue {
  private readonly port: CommandPort;
  private readonly queue: PendingCommand[] = [];
  private inFlight: PendingCommand | undefined;
  private credits = 1;
  private readonly timer: AnswerTimer<PendingCommand>;
  /** See `cutOff`. */
  private isCutOff = false;

  constructor(port: CommandPort) {
    this.port = port;
    this.timer = new AnswerTimer({
      clock: port.clock,
      onListen: () => port.onListen(),
      onExpired: (pending) => this.expire(pending),
    });
  }

  /** A session begins: the controller takes one command (Vol 4, Part E, 4.4). */
  begin(): void {
    this.credits = 1;
  }

  /** The line is closed for `error`, with which everything rejects. */
  end(error: HciError): void {
    this.timer.stop();
    const waiting = this.queue.splice(0);
    if (this.inFlight) waiting.unshift(this.inFlight);
    this.inFlight = undefined;
    for (const pending of waiting) if (this.counts(pending)) pending.reject(error);
  }

  /** What has not been sent is not, for `error`, with which it rejects. */
  refuseWaiting(error: HciError): void {
    for (const pending of this.queue.splice(0)) pending.reject(error);
    if (!this.inFlight) this.timer.stop();
  }

  /** Whoever waits for an answer, or asks for something from now on, waits for ever, except for the last commands. */
  cutOff(): void {
    this.isCutOff = true;
    this.queue.length = 0;
  }

  /** A packet came: a sign of life. */
  heard(): void {
    this.timer.heard = true;
  }

  /** Whether it is the answer to this command that is awaited. */
  awaits(opcode: number): boolean {
    return this.inFlight?.command.opcode === opcode;
  }

  /**
   * Sends a command and resolves with what it returns.
   * @throws HciError `controller-refused` with the status, `controller-timeout`, or why the session sends none.
   */
  send<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
    timeoutMs = COMMAND_TIMEOUT_MS,
    sender: Sender = SENDER.USER,
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
      this.enqueue({ command, write, resolve, reject, timeoutMs, handle, sender }),
    );
  }

  /** See `Hci.sendSeries`. */
  sendSeries(series: CommandSeries, timeoutMs = COMMAND_TIMEOUT_MS): Promise<void> {
    const { command } = series;
    const write = (): boolean => series.send();
    return new Promise((resolve, reject) =>
      this.enqueue({ command, write, resolve, reject, timeoutMs, series, sender: SENDER.SETUP }),
    );
  }

  private enqueue(pending: PendingCommand): void {
    if (!this.counts(pending)) return;
    const isFirst = !this.inFlight && this.queue.length === 0;
    const refusal = this.port.refusal(pending.command, pending.sender, isFirst);
    if (refusal) return pending.reject(refusal);
    this.queue.push(pending);
    this.pump();
  }

  /** Whether somebody is still to hear of it. */
  private counts({ sender }: PendingCommand): boolean {
    return sender === SENDER.LAST || !this.isCutOff;
  }

  /** The usual answer, success and nothing else, while a series may be under way. False when another command is awaited. */
  succeeded(opcode: number, credits: number): boolean {
    const { inFlight } = this;
    if (inFlight?.command.opcode !== opcode) return false;
    if (inFlight.series && credits > 0) this.advance(inFlight, inFlight.series);
    else this.complete(opcode, credits, SUCCEEDED, 0);
    return true;
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
    const refusal = goesOn ? this.port.refusal(pending.command, pending.sender, false) : undefined;
    if (!goesOn) pending.resolve(undefined as never);
    else if (refusal) pending.reject(refusal);
    else this.queue.unshift(pending);
    this.pump();
  }

  /** Command Complete, whose return parameters begin at `at`. */
  complete(opcode: number, credits: number, packet: DataView, at: number): void {
    const pending = this.claim(opcode, credits);
    if (!pending) return;
    const end = packet.byteLength;
    const status = at < end ? packet.getUint8(at) : HCI_STATUS.UNSPECIFIED;
    if (status !== HCI_STATUS.SUCCESS) {
      this.refused(pending, status);
    } else {
      if (pending.series) return this.advance(pending, pending.series);
      if (opcode === reset.opcode) this.port.onReset();
      const values = decode(pending.command.returns, packet, at + 1, end);
      if (values) pending.resolve(values as never);
      else this.refused(pending, HCI_STATUS.UNSPECIFIED);
    }
    this.pump();
  }

  /** Command Status. */
  report(opcode: number, credits: number, status: number): void {
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
      this.port.onUnknownConnection(handle);
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
    if (opcode !== 0) this.port.warn(`hci: answer to command 0x${opcode.toString(16)}, which is not waiting`);
    this.pump();
    return undefined;
  }

  /** Sends what is next, when the controller and the line take it. */
  pump(): void {
    const next = this.queue[0];
    if (!next || this.inFlight) return;
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
    this.port.onExpired(`${what}; check its power, wiring and baud rate.`);
  }
}

/** A status without other return parameters. */
const SUCCEEDED = viewOf(Uint8Array.of(HCI_STATUS.SUCCESS));
