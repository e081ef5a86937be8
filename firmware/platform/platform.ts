/**
 * What the stack needs from the world below it. The XS binding (`platform/xs`) implements it on a camera, the
 * simulator implements it in virtual time. Nothing above this file knows which one it runs on.
 */

/** A timer handle; opaque. */
export type Timer = unknown;

/** Monotonic time and one-shot timers. */
export interface Clock {
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  now(): number;
  /** Calls `callback` once, at least `delayMs` from now. */
  setTimer(callback: () => void, delayMs: number): Timer;
  /** Cancels a timer; a timer that has fired is ignored. */
  clearTimer(timer: Timer): void;
}

/** When and why something aborted. */
export interface Abortion {
  /** Time of the clock. */
  readonly atMs: number;
  readonly reason: unknown;
}

/**
 * What aborts a signal without a controller: a deadline, the end of a link. It is watched only while somebody listens to
 * the signal, and asked otherwise. So a signal that nobody listens to holds nothing, and is collected when it is dropped.
 */
export interface AbortSource {
  /** Whether it has happened by now; called until it has. */
  poll(): Abortion | undefined;
  /** Calls `abort` when it happens. Returns what ends that. */
  watch(abort: (reason: unknown) => void): () => void;
}

/** The constructors that applications get as `AbortController` and `AbortSignal`, and what the stack makes signals by. */
export interface Signals {
  readonly AbortController: typeof AbortController;
  readonly AbortSignal: typeof AbortSignal;
  /** A signal that `source` aborts. */
  createSignal(source: AbortSource): AbortSignal;
}

/** What a transport reports to the HCI layer. Called from the event loop, never inside `open` or `write`. */
export interface HciReceiver {
  /**
   * One whole packet from the controller, its H4 packet indicator first (Vol 4, Part A, 2). The view is the
   * receiver's to keep. Called without `this`.
   */
  readonly onPacket: (packet: DataView) => void;
  /**
   * A Number Of Completed Packets event with one entry (Vol 4, Part E, 7.7.19), as a transport may hand over that event, the
   * commonest of all, in place of its packet. Called without `this`; a receiver without it is given the packet.
   * @param handle 12 bits.
   */
  readonly onCompleted?: (handle: number, count: number) => void;
  /**
   * A Command Complete event with status 0 and no other return parameter (Vol 4, Part E, 7.7.14), as a transport may hand over
   * that event in place of its packet: a patch has hundreds of them. Called without `this`; a receiver without it is given the
   * packet.
   * @param opcode 16 bits, @param credits Num_HCI_Command_Packets.
   */
  readonly onSucceeded?: (opcode: number, credits: number) => void;
  /** Room again after `write` returned false. */
  onWritable(): void;
  /** The line lost bytes, lost its framing, or is gone. The transport must be opened again. */
  onFailure(reason: string): void;
}

/** The H4 line to the controller. */
export interface HciTransport {
  /**
   * Opens, or opens again after a failure: what has come is dropped, and so are the packets that were written, or they are
   * sent first, so that none stays incomplete in the controller. What the controller sends before it has answered HCI
   * Reset may be left from before.
   */
  open(receiver: HciReceiver): void;
  /**
   * Queues one whole packet, gathered from the first `headerLength` bytes of `header` and
   * `payload[start..end)`. Both are copied. Returns false, having queued nothing, when there is no room.
   */
  write(
    header: Uint8Array,
    headerLength: number,
    payload?: Uint8Array,
    start?: number,
    end?: number,
  ): boolean;
  /**
   * The packet that `write` would queue, in an array of its own, for one that has to wait; or at the beginning of `into`,
   * when that is as long and the transport knows how to save an array.
   */
  gather(
    header: Uint8Array,
    headerLength: number,
    payload: Uint8Array,
    start: number,
    end: number,
    into?: Uint8Array,
  ): Uint8Array;
  /** Closes the line. */
  close(): void;
}

/** Bytes that can be read from any place. */
export interface ByteSource {
  /** Bytes that can be read. */
  readonly size: number;
  /** Bytes `offset` to `offset + length`, in an array of their own. @throws Error when the flash fails. */
  read(offset: number, length: number): Uint8Array;
  /** Four bytes from `offset` on, little endian, in which those beyond the end are 0. Costs no memory. @throws Error as `read`. */
  u32(offset: number): number;
}

/** A patch for the controller: HCI commands one behind the other, as they go over the line without their packet indicator. */
export interface PatchSource extends ByteSource {
  /**
   * Queues the command that begins at `offset` on the open line, as `HciTransport.write` would and without a copy of it. Returns
   * its bytes in the patch; 0, having queued nothing, when there is no room. @throws Error where no whole command begins.
   */
  send(offset: number): number;
}

/** The lines beside the UART of a controller whose supply and sleep are the host's. */
export interface RadioLines {
  /** Name of the controller's driver, as board.json has it: that of a feature. */
  readonly driver: string;
  /** Rates of the UART, in baud: while a patch is downloaded, and from then on. */
  readonly downloadBaud: number;
  readonly runBaud: number;
  /** Supplies the controller, or takes its supply away (REG_ON). */
  power(on: boolean): void;
  /** Asks the controller to be awake, or lets it sleep (DEV_WAKE). */
  wake(awake: boolean): void;
  /** Whether the controller takes bytes (our CTS). */
  isReady(): boolean;
  /** Calls `listener` from the event loop when that has changed. There is one listener, the latest. */
  watchReady(listener: () => void): void;
  /**
   * Changes the rate of the UART once what is queued has gone out; it holds when the line is opened again. Returns the
   * rate that is really achieved, 0 when the UART cannot make it.
   */
  setBaudRate(baudRate: number): number;
  /** The controller's patch; undefined where the board has none. */
  patch(): PatchSource | undefined;
  /** The public address that was assigned to this device, six bytes in printed order; undefined: none was. */
  readonly publicAddress?: Uint8Array | undefined;
  /** Undefined on a board that cannot stop its UART, or is without HOST_WAKE. */
  readonly hostWake?: HostWake;
}

/** The line by which a controller asks for its host, and the sleep that it ends. */
export interface HostWake {
  /** Whether the controller asks now. */
  isActive(): boolean;
  /** Calls `listener` from the event loop when that has changed. There is one listener, the latest. */
  watch(listener: () => void): void;
  /**
   * Stops the UART, and what bytes need of the board's clocks: what the controller has to send waits in it. Or starts it again.
   * Returns false, having changed nothing, while bytes are on their way to the controller. HOST_WAKE that is active already
   * counts as a change.
   */
  suspend(isSuspended: boolean): boolean;
}

/** An area of flash. All offsets and lengths in bytes. A failing operation throws `Error`. */
export interface FlashArea {
  readonly size: number;
  /** Bytes erased together. The area holds at least two such units. */
  readonly eraseUnit: number;
  /** Bytes programmed together. */
  readonly programUnit: number;
  read(offset: number, length: number): Uint8Array;
  /** Clears bits; `offset` and length are multiples of `programUnit`. */
  program(offset: number, bytes: Uint8Array): void;
  /** Sets every byte to 0xFF; `offset` and `length` are multiples of `eraseUnit`. */
  erase(offset: number, length: number): void;
  /** Returns once everything programmed before survives a power cut. */
  sync(): void;
}

/** An area of flash that can be written beside other work, too. */
export interface BackgroundFlash extends FlashArea {
  /**
   * `program` in the background, for what takes long: the camera goes on meanwhile. `bytes` must not change until the
   * promise settles. Operations in the background run one after the other, in the order of the calls, whatever their
   * areas; the functions of `FlashArea` may come between the steps of one, and wait for the step under way.
   * The promise rejects with `Error` when the flash fails: some of it may be programmed then.
   */
  programInBackground(offset: number, bytes: Uint8Array): Promise<void>;
  /** `erase` in the background, in the same way. */
  eraseInBackground(offset: number, length: number): Promise<void>;
}

/** Small named values that survive a power cut. `storage` keeps them on flash, tests in memory. */
export interface Records {
  /** The value last set, in an array of its own; undefined when there is none. */
  get(key: string): Uint8Array | undefined;
  /** Keeps a copy. @throws Error when the flash fails. */
  set(key: string, value: Uint8Array): void;
  /** Removes a record; returns whether there was one. @throws Error when the flash fails. */
  delete(key: string): boolean;
  /** The keys of all records, in no order that means something. */
  keys(): string[];
}

/** Severity of a console line. */
export type LogLevel = "error" | "warning" | "info" | "debug";

/** The least setting `logLevel` at which a line of each severity is written. */
export const LOG_LEVEL: Readonly<Record<LogLevel, number>> = { error: 1, warning: 2, info: 3, debug: 3 };

/** What can end deep sleep, as port.h numbers it, least bit first. */
export const WAKE_SOURCES = ["timer", "motion", "button"] as const;
export type WakeSource = (typeof WAKE_SOURCES)[number];

/** Why the camera started: it was reset, or woke from deep sleep. */
export type ResetCause = "power-on" | "software" | "watchdog" | "fault" | WakeSource;

/** Whether such a start goes on where the camera fell asleep. */
export const isWake = (cause: ResetCause): cause is WakeSource =>
  (WAKE_SOURCES as readonly ResetCause[]).includes(cause);

/** What a board can do to save its battery. */
export interface PowerLines {
  readonly startCause: ResetCause;
  /** What ends this board's deep sleep. */
  readonly wakeSources: readonly WakeSource[];
  /** Bytes of memory that survive deep sleep and resets, not the loss of the supply; 0 for none. */
  readonly retainedBytes: number;
  /** All `retainedBytes` of it. */
  readRetained(): Uint8Array;
  /** Writes from its beginning. */
  writeRetained(bytes: Uint8Array): void;
  /** Milliseconds since the supply came; goes on through deep sleep and resets. */
  rtcNow(): number;
  /** Sleeps, with the radio off, until one of `sources`; the timer at `wakeAtMs` of `rtcNow`. Starts the camera again. */
  deepSleep(wakeAtMs: number, sources: readonly WakeSource[]): never;
  /** Undefined on a board that cannot measure its battery. */
  batteryVolts(): number | undefined;
}

/** What is wrong with a bundle, or why something is not done now: `code` is stable, `text` for people. */
export interface UpdateProblem {
  readonly code: string;
  readonly text: string;
}

/** How the slots of a camera stand. */
export interface UpdateFigures {
  readonly running: "confirmed" | "trial" | "shipped" | "recovery";
  /** Bytes that a slot has; 0 where there are none. */
  readonly slotBytes: number;
  /** Which slot image 1 is, and where it begins in the area `update`. */
  readonly slot: number;
  readonly offset: number;
  /** The image trusts the development key, which everybody has. */
  readonly trustsEverybody: boolean;
  /** In a trial: milliseconds until it ends unless it is confirmed. */
  readonly trialLeftMs?: number;
  /** The camera itself is to confirm the trial that runs, and does so only once it has been within reach. */
  readonly awaitsReach: boolean;
  /** How long deep sleep is put off yet; 0 when it is not. */
  readonly windowMs: number;
  /**
   * How long the window yet stays open in which power-on has one device pair; 0 when it is closed, or a device has taken it.
   * Resets of any kind change nothing about it.
   */
  readonly pairingMs: number;
  /** How often power-ons in a row have started the recovery service. */
  readonly powerOnRecoveries: number;
  /**
   * The application sleeps, and this start is in place of its sleep: bits of the sources that are to end it, and the time of
   * `PowerLines.rtcNow` at which the timer is to, where it is one of them. Left out where the application runs.
   */
  readonly wakeSources?: number;
  readonly wakeAtMs?: number;
  /** Why the application cannot run, a sentence; left out when it does. */
  readonly problem?: string;
  /** Why the last trial ended unconfirmed, the end of a sentence. */
  readonly revert?: string;
}

/** What a bundle says of itself, and what stands in the state. */
export interface UpdateImage {
  /** Major, minor, 2 bytes of revision, 4 of build; little-endian. */
  readonly version: Uint8Array;
  readonly hash: Uint8Array;
  readonly confirmed: boolean;
  readonly pending: boolean;
  readonly permanent: boolean;
  /** It has verified since the start, or since it was written. */
  readonly bootable: boolean;
}

/** A verification that has ended. */
export interface UpdateVerdict {
  /** Bytes of the file, as far as it could be read. */
  readonly length: number;
  /** SHA-256 of the whole file; left out where its own lengths are wrong. */
  readonly fileHash?: Uint8Array;
  /** Both left out when nothing is wrong. The text is the end of a sentence that begins with the bundle. */
  readonly code?: string;
  readonly text?: string;
}

/** The slots for signed applications, two images: 0 is what runs, 1 the other slot. */
export interface UpdateLines {
  readonly state: () => UpdateFigures;
  /** The area of flash in which the slots are; asked for once. @throws TypeError on a board without slots. */
  readonly flash: () => BackgroundFlash;
  /** What a bundle says of itself; undefined where there is none. */
  readonly image: (index: 0 | 1) => UpdateImage | undefined;
  /** Asks to write or erase image 1: forgets that it has been verified, or says why not. */
  readonly touch: () => UpdateProblem | undefined;
  /** Verify image 1 in steps of at most 2 million instructions with Ed25519: `verifyStep` returns true at the end. */
  readonly verifyBegin: () => void;
  readonly verifyStep: () => boolean;
  readonly verified: () => UpdateVerdict;
  /** Marks image 1, which has just been verified. */
  readonly mark: (isPermanent: boolean) => UpdateProblem | undefined;
  readonly unmark: () => UpdateProblem | undefined;
  readonly confirm: () => UpdateProblem | undefined;
  /** In a trial: whoever manages the camera has connected to it, or could have. It is kept over deep sleep. */
  readonly reached: () => void;
  /** A device has taken the window of `UpdateFigures.pairingMs`: it is closed until the next power-on. */
  readonly paired: () => void;
  readonly reset: () => never;
  /** The time of the clock that goes on through deep sleep, in milliseconds. */
  readonly rtcNow: () => number;
  /** Sleeps in the application's stead: see `UpdateFigures.wakeSources`. */
  readonly sleep: (wakeAtMs: number, wakeSources: number) => never;
}

/**
 * Cryptography. Arguments and results are big-endian, most significant byte first, as Vol 3, Part H, 2.2 writes them.
 * Results are the caller's to keep. A length other than the stated one throws `RangeError`.
 */
export interface Crypto {
  /** The security function e: encrypts `block` (16 bytes) with AES-128 under `key` (16 bytes; Vol 3, Part H, 2.2.1). */
  aes128(key: Uint8Array, block: Uint8Array): Uint8Array;
  /**
   * AES-CMAC under `key` (16 bytes) of a message of any length, given in parts one behind another: 16 bytes (RFC 4493;
   * Vol 3, Part H, 2.2.5).
   */
  aesCmac(key: Uint8Array, ...message: readonly Uint8Array[]): Uint8Array;
  /** Whether both are equal. Looks at every byte, so that the time it takes says nothing about where they differ. */
  isSameSecret(a: Uint8Array, b: Uint8Array): boolean;
  /**
   * The P-256 public key of a private one (32 bytes): x, then y, 64 bytes (Vol 2, Part H, 7.1). Undefined when the
   * private key is 0 or not below the order of the curve: draw another.
   */
  p256PublicKey(privateKey: Uint8Array): Uint8Array | undefined;
  /**
   * The Diffie-Hellman key of a private key (32 bytes) and the peer's public one (64 bytes): 32 bytes. Undefined when
   * the public key is not a point of the curve, which ends the pairing (Vol 3, Part H, 2.3.5.6.1), or the private key
   * is out of range.
   */
  p256SharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

/** See `Platform.copyBytes`. Called without `this`. */
export type CopyBytes = (
  target: Uint8Array,
  at: number,
  view: DataView,
  start: number,
  length: number,
) => void;

/** Everything that a host needs to run. */
export interface Platform {
  readonly clock: Clock;
  readonly transport: HciTransport;
  /**
   * Copies `length` bytes of `view`, from `start` on, into `target` from `at` on, for who moves many: the engine's own `set`
   * looks at each. Left out, that is what is used.
   */
  readonly copyBytes?: CopyBytes;
  /** Left out where the controller is always on and ready. */
  readonly radioLines?: RadioLines;
  /** Entropy fit for keys; throws when the board has none. */
  random(length: number): Uint8Array;
  readonly crypto: Crypto;
  /** Left out where nothing saves power. */
  readonly power?: PowerLines;
  /** Left out where nothing changes the application. */
  readonly update?: UpdateLines;
  /** Eight bytes, the same at every start, different on every device. */
  uniqueId(): Uint8Array;
  /**
   * An area of flash by its name in board.json. Every board has `state`, for records: addresses, bonds, settings.
   * @throws TypeError when the board has none of that name.
   */
  flash(area: string): FlashArea;
  /** Bytes that peers may make the host keep, all together; left out, what a development machine has. */
  readonly peerBytes?: number;
  /**
   * Bytes of captured writes where the application has asked for a longer queue than the default; left out, what a
   * development machine has.
   */
  readonly captureBytes?: number;
  /**
   * Writes one line to the console. For an `error` that the message is about, where it comes from may follow: its stack
   * and its causes.
   */
  log(level: LogLevel, message: string, error?: unknown): void;
}
