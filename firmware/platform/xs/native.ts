/**
 * The native interface: the functions that the C side hands to `main`, in one object. This file and the table in
 * firmware/native/natives.c are two views of one contract; a digest of it is stamped on every bundle.
 */
import type {
  LogLevel,
  ResetCause,
  UpdateFigures,
  UpdateImage,
  UpdateProblem,
  UpdateVerdict,
} from "../platform.ts";

export type SensorName = "temperature" | "humidity";

/** Geometry of a flash area, in bytes. */
export interface FlashGeometry {
  readonly size: number;
  readonly eraseUnit: number;
  readonly programUnit: number;
}

/** Memory in use, in bytes. */
export interface HeapFigures {
  readonly slotsUsed: number;
  readonly slotsPeak: number;
  readonly slotsSize: number;
  readonly chunksUsed: number;
  readonly chunksPeak: number;
  readonly chunksSize: number;
  /** What slots and chunks have taken beyond the board's floor. */
  readonly growth: number;
  readonly growthPeak: number;
  /** What slots and chunks have from the start. */
  readonly floorBytes: number;
  /** All that slots and chunks can have on this board. */
  readonly mostBytes: number;
  readonly nativeStackPeak: number;
}

/** A controller that has to be brought up. */
export interface RadioLinesFigures {
  readonly driver: string;
  readonly downloadBaud: number;
  readonly runBaud: number;
  /** Bytes that can be read of its patch, or more; 0 when the board has none. */
  readonly patchSize: number;
  /** Whether the UART can be stopped, and HOST_WAKE wakes the board. */
  readonly suspends: boolean;
  /** Six bytes in printed order; left out where none was assigned. */
  readonly publicAddress?: Uint8Array;
}

export interface Native {
  /** Milliseconds since start, with microsecond fractions. */
  clockNow(): number;
  /** One-shot; returns an integer handle above 0. */
  timerSet(callback: () => void, delayMs: number): number;
  timerClear(handle: number): void;

  /**
   * Opens the HCI UART with H4 framing. `onPacket` gets one whole packet per call; the first one is the answer to HCI
   * Reset, and whatever came before it is dropped (Vol 4, Part A, 4). `onFailure` is called with
   * "overrun", "framing", "gone", "desynchronised" (a byte that starts no packet, or a length past the limit), or
   * "incomplete packet" (a packet that is not whole 500 ms, and the time of the longest packet on the line, after its first
   * byte: H4_STALL_MS in firmware/native/h4.h). `onCompleted`, where there is one, gets the entry of a Number Of Completed
   * Packets event that has one, in place of the packet, and `onSucceeded` opcode and credits of a Command Complete event whose
   * only return parameter is the status 0. Throws when the board has no UART.
   */
  hciOpen(
    onPacket: (packet: DataView) => void,
    onWritable: () => void,
    onFailure: (reason: string) => void,
    onCompleted?: (handle: number, count: number) => void,
    onSucceeded?: (opcode: number, credits: number) => void,
  ): void;
  hciWrite(
    header: Uint8Array,
    headerLength: number,
    payload?: Uint8Array,
    start?: number,
    end?: number,
  ): boolean;
  /** The bytes that hciWrite would write: at the beginning of `into` when that is as long, else in an array of their own. */
  hciGather(
    header: Uint8Array,
    headerLength: number,
    payload: Uint8Array,
    start: number,
    end: number,
    into?: Uint8Array,
  ): Uint8Array;
  hciClose(): void;

  /** What a controller is that has to be brought up; undefined for one that is always on. */
  radioLines(): RadioLinesFigures | undefined;
  radioPower(on: boolean): void;
  radioWake(awake: boolean): void;
  radioReady(): boolean;
  /** `RadioLines.watchReady`. */
  radioWatchReady(listener: () => void): void;
  /** Returns the rate achieved, 0 when the UART cannot make it. */
  radioBaudRate(baudRate: number): number;
  /** The three of `HostWake`. */
  radioHostWake(): boolean;
  radioWatchHostWake(listener: () => void): void;
  radioSuspend(isSuspended: boolean): boolean;
  radioPatch(offset: number, length: number): Uint8Array;
  /** Four bytes, little endian; those beyond the end are 0. */
  radioPatchU32(offset: number): number;
  /** Queues the command that begins at `offset` of the patch, as hciWrite would. Returns its bytes there, 0 without room. */
  radioSendPatch(offset: number): number;

  /** Copies `length` bytes of `view`, from `start` on, into `target` from `at` on. RangeError where there are not as many. */
  copyBytes(target: Uint8Array, at: number, view: DataView, start: number, length: number): void;
  /** `wakeSources` is a sum of 1 timer, 2 motion, 4 button. */
  powerFigures(): { readonly wakeSources: number; readonly retainedBytes: number };
  /** Milliseconds since the supply came, through sleep and resets. */
  powerRtcNow(): number;
  powerRetained(): Uint8Array;
  powerRetain(bytes: Uint8Array): void;
  /** `sources` as `wakeSources`; the time is one of powerRtcNow. */
  powerDeepSleep(wakeAtMs: number, sources: number): never;
  /** Volts; undefined on a board that cannot measure them. */
  powerBattery(): number | undefined;

  random(length: number): Uint8Array;
  uniqueId(): Uint8Array;

  /** Encrypts a block of 16 bytes with a key of 16 bytes. */
  aes128(key: Uint8Array, block: Uint8Array): Uint8Array;
  /** The AES-CMAC under a key of 16 bytes of a message of any length, in any number of parts: 16 bytes. */
  aesCmac(key: Uint8Array, ...message: readonly Uint8Array[]): Uint8Array;
  /** Whether both are equal, in a time that depends on their lengths only. */
  isSameSecret(a: Uint8Array, b: Uint8Array): boolean;
  /** 64 bytes, x and y; undefined for a private key that is 0 or not below the order of the curve. */
  p256PublicKey(privateKey: Uint8Array): Uint8Array | undefined;
  /** 32 bytes, x of the product; undefined for a private key as above or a public key that is not on the curve. */
  p256SharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;

  /** Each throws TypeError, with the board's areas, for a name that is none of them. */
  flashGeometry(area: string): FlashGeometry;
  flashRead(area: string, offset: number, length: number): Uint8Array;
  flashProgram(area: string, offset: number, bytes: Uint8Array): void;
  flashErase(area: string, offset: number, length: number): void;
  flashSync(area: string): void;
  /**
   * Begin an operation and call `done` from the event loop at its end, with whether it worked. `bytes` are copied.
   * Throw when it cannot begin: one is under way already, or range, alignment or memory are wrong.
   */
  flashBeginProgram(area: string, offset: number, bytes: Uint8Array, done: (worked: boolean) => void): void;
  flashBeginErase(area: string, offset: number, length: number, done: (worked: boolean) => void): void;

  /** The slots, as UpdateLines of platform.ts has them. `index` is 0 or 1. */
  updateState(): UpdateFigures;
  updateImage(index: number): UpdateImage | undefined;
  updateTouch(): UpdateProblem | undefined;
  /** Throws on a board without slots. */
  updateVerifyBegin(): void;
  /** Throws when nothing has begun, or image 1 was touched since. */
  updateVerifyStep(): boolean;
  /** Throws unless a verification has ended. */
  updateVerified(): UpdateVerdict;
  /** Throws unless image 1 has verified and was not touched since. */
  updateMark(isPermanent: boolean): UpdateProblem | undefined;
  updateUnmark(): UpdateProblem | undefined;
  updateConfirm(): UpdateProblem | undefined;
  updateReached(): void;
  updatePaired(): void;

  /** Throws when the board has no such sensor. */
  sensorRead(sensor: SensorName): number;

  consoleWrite(level: LogLevel, text: string): void;
  /**
   * For a thrown value that is no Error: a line that says where it was thrown, with a line feed before it; empty when
   * that is not known, as after another throw of such a value.
   */
  thrownAt(value: unknown): string;

  resetCause(): ResetCause;
  reset(): never;
  /**
   * The failure that follows is the controller's, not the application's: it does not count among three in a row, and a
   * trial goes on after it.
   */
  controllerFailed(): void;
  /** Ends the process on boards that have one (host, QEMU); restarts elsewhere. */
  exit(status: number): never;

  /** Collects garbage now. */
  collect(): void;
  heap(): HeapFigures;

  /**
   * Loads the application bundle into a Compartment of its own. `modules` maps the specifiers that it may import
   * to namespace-like objects, `globals` are added to the Compartment's global object. Returns once the
   * application's module body has been started; `onError` is called when its evaluation fails. Throws when there
   * is no application or when it does not fit this firmware.
   */
  applicationStart(
    modules: Record<string, object>,
    globals: Record<string, unknown>,
    onError: (reason: unknown) => void,
  ): void;
}
