/**
 * A chip of the CYW43 family around a simulated controller: without supply it is silent, after power-on it runs its ROM
 * at 115,200 baud and wants its patch, it restarts when that is launched, and it sleeps when it may. Bytes at another
 * rate than its own are noise; what the host does wrong is noted in `violations`.
 */
import { commandComplete } from "../../firmware/ble/hci/events.ts";
import { H4_COMMAND, H4_EVENT } from "../../firmware/ble/hci/packet.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Clock, RadioLines } from "../../firmware/platform/platform.ts";
import type { Controller } from "../controller/controller.ts";
import { FROM_HOST, H4Framer } from "../h4.ts";

/** Rate of the chip after power-on, and after its patch has been launched. */
export const START_BAUD = 115_200;
const BAUD_TOLERANCE = 0.025;

/** Commands that the chip answers itself, whatever the controller around it knows. */
const RESET = 0x0c03;
const WRITE_BD_ADDR = 0xfc01;
const UPDATE_BAUD_RATE = 0xfc18;
const SET_SLEEP_MODE = 0xfc27;
const DOWNLOAD_MINIDRIVER = 0xfc2e;
const WRITE_RAM = 0xfc4c;
const LAUNCH_RAM = 0xfc4e;

/** Where advertising, scan and connection say which own address they have (Vol 4, Part E, 7.8), behind the header. */
const OWN_ADDRESS_TYPE: ReadonlyMap<number, number> = new Map([
  [0x2006, 5],
  [0x200b, 5],
  [0x200d, 12],
]);

/** Vendor-Specific Debug (Vol 4, Part E, 5.4.4), as chips that trace themselves send it. */
const VENDOR_EVENT = new Uint8Array([H4_EVENT, 0xff, 3, 0x1b, 0x03, 0x00]);

/** Its RAM: a record outside of it is refused. */
const RAM_START = 0x0020_0000;
const RAM_END = 0x0024_0000;

/** Times of the chip, in milliseconds of virtual time. */
export interface Cyw43Times {
  /** From supply to CTS. */
  readonly powerUpMs: number;
  /** Without supply for less, it may not have noticed. */
  readonly offMs: number;
  /** From a command to its answer: the usual one, and a record's. */
  readonly answerMs: number;
  readonly recordMs: number;
  /** From the launch to CTS. */
  readonly restartMs: number;
  /** From DEV_WAKE to the first byte that it takes. */
  readonly wakeMs: number;
  /** What a unit of the idle times is in Set Sleepmode Param. */
  readonly idleUnitMs: number;
  /** From HOST_WAKE to the host's RTS, at the latest. */
  readonly hostWakeMs: number;
}

export const CYW43_TIMES: Cyw43Times = {
  powerUpMs: 110,
  offMs: 50,
  answerMs: 0.2,
  recordMs: 0.5,
  restartMs: 200,
  wakeMs: 5,
  idleUnitMs: 300,
  hostWakeMs: 1000,
};

/** What may go wrong. Set at any time; all are off at first. */
export interface Cyw43Faults {
  /** This record is refused: 1 is the first. */
  refuseRecord: number | undefined;
  /** Never comes back from the launch. */
  hangsAfterLaunch: boolean;
  /** A byte that belongs to nothing, before the answer to the next Reset. */
  strayByte: boolean;
  /** CTS never falls. */
  noCts: boolean;
  /** Answers Update Baud Rate and stays at its rate. */
  keepsRate: boolean;
  /** Answers nothing. */
  silent: boolean;
  /** Sends a vendor's event before every answer of a bring-up. */
  chatters: boolean;
}

export function noCyw43Faults(): Cyw43Faults {
  return {
    refuseRecord: undefined,
    hangsAfterLaunch: false,
    strayByte: false,
    noCts: false,
    keepsRate: false,
    silent: false,
    chatters: false,
  };
}

/** How far the chip is. */
type State = "off" | "powering-up" | "rom" | "downloading" | "restarting" | "patched";

/** Where its bytes and its lines go. */
export interface Cyw43Ports {
  /** Bytes for the host, at the rate at which the chip sends them. */
  onBytes(bytes: Uint8Array, baudRate: number): void;
  /** CTS of the host: true when the chip takes bytes. */
  onReady?(isReady: boolean): void;
  /** HOST_WAKE: true when the chip wants the host awake. */
  onHostWake?(wanted: boolean): void;
}

/** The chip as its pins show it. */
export class Cyw43Chip implements Pick<RadioLines, "power" | "wake" | "isReady"> {
  faults: Cyw43Faults = noCyw43Faults();
  /** What the host did that no host may do, a sentence each. */
  readonly violations: string[] = [];
  /** Opcodes of the commands that came since the supply, in order; records count once. */
  readonly commands: number[] = [];
  /** Bytes of patches that were launched, in order, as they came: opcode, length, parameters. */
  launched: Uint8Array = new Uint8Array(0);
  /** Bytes that came at another rate than the chip's. */
  noise = 0;
  /** Bytes that came while it slept, or had no supply. */
  lost = 0;
  /** How often it was supplied. */
  starts = 0;
  /** How often the host's UART stopped, by its RTS. */
  hostStops = 0;
  /** Set by Write BD_ADDR, in printed order. */
  assignedAddress: Uint8Array | undefined = undefined;
  private readonly clock: Clock;
  private readonly controller: Controller;
  private readonly ports: Cyw43Ports;
  private readonly times: Cyw43Times;
  private readonly framer = new H4Framer(FROM_HOST, (packet) => this.receivePacket(packet));
  private state: State = "off";
  /** REG_ON, and the supply behind it. */
  private isEnabled = false;
  private isSupplied = true;
  private baudRate = START_BAUD;
  /** Counts supplies and losses of it: what was begun before means nothing. */
  private session = 0;
  private offAtMs = Number.NEGATIVE_INFINITY;
  private devWake = false;
  private awakeAtMs = 0;
  private lastByteMs = 0;
  private sleepMode = false;
  /** From the last byte to sleep, once the host allows it, and to the release of HOST_WAKE. */
  private idleMs = 0;
  /** RTS of the host, and what waits for it. */
  private hostTakes = true;
  private held: Uint8Array[] = [];
  /** HOST_WAKE. */
  private asks = false;
  private lastSentMs = 0;
  private records: Uint8Array[] = [];
  private nextAddress = 0;

  constructor(controller: Controller, ports: Cyw43Ports, times: Cyw43Times = CYW43_TIMES) {
    this.clock = controller.clock;
    this.controller = controller;
    this.ports = ports;
    this.times = times;
    controller.die();
    controller.onPacket = (packet) => this.send(packet);
  }

  /** REG_ON. */
  power(on: boolean): void {
    if (on === this.isEnabled) return;
    this.isEnabled = on;
    if (on && this.clock.now() - this.offAtMs < this.times.offMs) {
      this.violations.push(`supplied again after less than ${this.times.offMs} ms`);
    }
    if (on && !this.devWake) this.violations.push("supplied while DEV_WAKE lets it sleep");
    this.follow();
  }

  /**
   * The supply behind REG_ON. Without it the chip is off, whatever the host does; when it comes back while REG_ON is set, the
   * chip starts by itself, with nothing of what it was.
   */
  supply(on: boolean): void {
    this.isSupplied = on;
    this.follow();
  }

  /** DEV_WAKE, true for low. */
  wake(awake: boolean): void {
    if (awake && this.isAsleep()) this.awakeAtMs = this.clock.now() + this.times.wakeMs;
    this.devWake = awake;
    this.lastByteMs = this.clock.now();
  }

  /** Whether it takes bytes: CTS of the host is low. */
  isReady(): boolean {
    return (
      !this.faults.noCts && (this.state === "rom" || this.state === "downloading" || this.state === "patched")
    );
  }

  /** Bytes from the host, sent at `baudRate`. */
  receive(bytes: Uint8Array, baudRate: number): void {
    if (!this.isReady()) {
      this.lost += bytes.length;
      return;
    }
    if (this.isAsleep() || this.clock.now() < this.awakeAtMs) {
      this.lost += bytes.length;
      this.violations.push(`${bytes.length} bytes while it slept`);
      return;
    }
    this.lastByteMs = this.clock.now();
    if (Math.abs(baudRate / this.baudRate - 1) > BAUD_TOLERANCE) {
      this.noise += bytes.length;
      return;
    }
    if (!this.framer.push(bytes)) this.violations.push("bytes that begin no packet");
  }

  /** Whether it sleeps: it takes no bytes until DEV_WAKE. */
  isAsleep(): boolean {
    const isIdle = this.clock.now() - this.lastByteMs >= this.idleMs;
    return this.sleepMode && !this.devWake && isIdle && this.held.length === 0;
  }

  /** How long it stays awake from now on when nothing happens and DEV_WAKE is released, in milliseconds. */
  get sleepsInMs(): number {
    return Math.max(0, this.lastByteMs + this.idleMs - this.clock.now());
  }

  /** RTS of the host: false while it takes no bytes. */
  setHostTakes(takes: boolean): void {
    if (!takes) this.hostStops++;
    this.hostTakes = takes;
    if (!takes) return;
    for (const packet of this.held.splice(0)) this.send(packet);
  }

  /** HOST_WAKE for a moment, with nothing to say: noise on the line. */
  glitchHostWake(): void {
    if (this.asks) return;
    this.ports.onHostWake?.(true);
    this.ports.onHostWake?.(false);
  }

  /** On when REG_ON is set and there is a supply. */
  private follow(): void {
    const isOn = this.isEnabled && this.isSupplied;
    if (isOn === (this.state !== "off")) return;
    const session = ++this.session;
    if (!isOn) return this.loseSupply();
    this.starts++;
    this.commands.length = 0;
    this.state = "powering-up";
    this.forget();
    this.after(this.times.powerUpMs, session, () => this.ready("rom"));
  }

  private loseSupply(): void {
    this.state = "off";
    this.offAtMs = this.clock.now();
    this.controller.die();
    this.forget();
    this.ports.onReady?.(false);
  }

  /** Nothing outlives a restart. */
  private forget(): void {
    this.baudRate = START_BAUD;
    this.sleepMode = false;
    this.held = [];
    this.release();
    this.assignedAddress = undefined;
    this.controller.publicAddress = this.controller.options.publicAddress;
    this.records = [];
    this.framer.reset();
  }

  private ready(state: "rom" | "patched"): void {
    this.state = state;
    this.lastByteMs = this.clock.now();
    if (state === "patched") this.controller.revive();
    this.ports.onReady?.(this.isReady());
  }

  private receivePacket(packet: Uint8Array): void {
    if (packet[0] !== H4_COMMAND) {
      if (this.state === "patched") this.controller.receive(packet);
      else this.violations.push("data before the patch");
      return;
    }
    const opcode = packet[1]! | (packet[2]! << 8);
    if (opcode !== WRITE_RAM || this.commands.at(-1) !== WRITE_RAM) this.commands.push(opcode);
    if (this.faults.silent) return;
    const parameters = packet.subarray(4);
    switch (opcode) {
      case UPDATE_BAUD_RATE:
        return this.updateBaudRate(parameters);
      case DOWNLOAD_MINIDRIVER:
        if (this.state !== "rom") return this.refuse(opcode, "Download Minidriver after the patch");
        this.state = "downloading";
        return this.answer(opcode);
      case WRITE_RAM:
      case LAUNCH_RAM:
        return this.takeRecord(opcode, packet);
      case WRITE_BD_ADDR:
        if (this.state !== "patched") return this.refuse(opcode, "Write BD_ADDR before the patch");
        this.assignedAddress = parameters.slice().reverse();
        this.controller.publicAddress = this.assignedAddress;
        return this.answer(opcode);
      case SET_SLEEP_MODE:
        this.sleepMode = parameters[0] === 1;
        this.idleMs = parameters[2]! * this.times.idleUnitMs;
        return this.answer(opcode);
      case RESET:
        this.sleepMode = false;
        if (this.faults.strayByte) {
          this.faults.strayByte = false;
          this.ports.onBytes(new Uint8Array([0x00]), this.baudRate);
        }
        if (this.state !== "patched") return this.answer(opcode);
        break;
      default:
        if (this.state !== "patched")
          return this.refuse(opcode, `command 0x${opcode.toString(16)} before the patch`);
        this.checkOwnAddress(opcode, parameters);
    }
    const { session } = this;
    this.after(this.times.answerMs, session, () => this.controller.receive(packet));
  }

  /** Its own public address is that of every chip of its kind. */
  private checkOwnAddress(opcode: number, parameters: Uint8Array): void {
    const at = OWN_ADDRESS_TYPE.get(opcode);
    const isPublic = at !== undefined && (parameters[at]! & 1) === 0;
    if (isPublic && !this.assignedAddress) this.violations.push("its default address on the air");
  }

  private updateBaudRate(parameters: Uint8Array): void {
    const baudRate = new DataView(parameters.buffer, parameters.byteOffset).getUint32(2, true);
    this.answer(UPDATE_BAUD_RATE, HCI_STATUS.SUCCESS, () => {
      if (!this.faults.keepsRate) this.baudRate = baudRate;
    });
  }

  /** One record of a patch, in its order and inside the RAM. */
  private takeRecord(opcode: number, packet: Uint8Array): void {
    const parameters = packet.subarray(4);
    if (this.state !== "downloading") return this.refuse(opcode, "a record outside of a download");
    if (parameters.length < 4) return this.refuse(opcode, "a record without an address");
    const address = new DataView(parameters.buffer, parameters.byteOffset).getUint32(0, true);
    this.records.push(packet.slice(1));
    if (this.records.length === this.faults.refuseRecord)
      return this.answer(opcode, HCI_STATUS.INVALID_PARAMETERS);
    if (opcode === LAUNCH_RAM) return this.launch(address);
    const end = address + parameters.length - 4;
    if (address < RAM_START || end > RAM_END) return this.refuse(opcode, `a record outside of the RAM`);
    if (this.records.length > 1 && address < this.nextAddress)
      return this.refuse(opcode, "a record out of order");
    this.nextAddress = end;
    this.answer(opcode, HCI_STATUS.SUCCESS, undefined, this.times.recordMs);
  }

  private launch(address: number): void {
    if (address !== 0xffff_ffff) return this.refuse(LAUNCH_RAM, "Launch RAM at an address");
    if (this.records.length === 1) return this.refuse(LAUNCH_RAM, "Launch RAM of nothing");
    this.answer(LAUNCH_RAM, HCI_STATUS.SUCCESS, () => {
      const length = this.records.reduce((sum, record) => sum + record.length, 0);
      this.launched = new Uint8Array(length);
      this.records.reduce((at, record) => {
        this.launched.set(record, at);
        return at + record.length;
      }, 0);
      const session = ++this.session;
      this.state = "restarting";
      this.forget();
      this.ports.onReady?.(false);
      if (!this.faults.hangsAfterLaunch)
        this.after(this.times.restartMs, session, () => this.ready("patched"));
    });
  }

  private refuse(opcode: number, violation: string): void {
    this.violations.push(violation);
    this.answer(opcode, HCI_STATUS.COMMAND_DISALLOWED);
  }

  /** Command Complete, and what the chip does behind it. */
  private answer(
    opcode: number,
    status: number = HCI_STATUS.SUCCESS,
    behind?: () => void,
    delayMs = this.times.answerMs,
  ): void {
    const answer = new Uint8Array([H4_EVENT, commandComplete.code, 4, 1, opcode & 0xff, opcode >> 8, status]);
    this.after(delayMs, this.session, () => {
      if (this.faults.chatters) this.send(VENDOR_EVENT);
      this.send(answer);
      behind?.();
    });
  }

  private send(packet: Uint8Array): void {
    this.lastByteMs = this.lastSentMs = this.clock.now();
    if (this.sleepMode) this.ask();
    if (this.hostTakes) this.ports.onBytes(packet, this.baudRate);
    else this.held.push(packet);
  }

  /** HOST_WAKE, until there has been nothing to send for a while. */
  private ask(): void {
    if (this.asks) return;
    this.asks = true;
    this.ports.onHostWake?.(true);
    const { session } = this;
    const { hostWakeMs } = this.times;
    this.after(hostWakeMs, session, () => {
      if (this.held.length > 0) this.violations.push(`left alone with HOST_WAKE for ${hostWakeMs} ms`);
    });
    const look = (): void => {
      const leftMs = this.lastSentMs + this.idleMs - this.clock.now();
      if (leftMs <= 0 && this.held.length === 0) this.release();
      else this.after(Math.max(leftMs, 1), session, look);
    };
    this.after(this.idleMs, session, look);
  }

  private release(): void {
    if (this.asks) this.ports.onHostWake?.(false);
    this.asks = false;
  }

  private after(delayMs: number, session: number, work: () => void): void {
    this.clock.setTimer(() => {
      if (session === this.session) work();
    }, delayMs);
  }
}
