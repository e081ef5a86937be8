/**
 * A client of a camera's management server (firmware/update): requests and their answers, uploads, trials. It speaks version 0
 * of the protocol, whose refusals carry a reason.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { GattError } from "../../firmware/ble/att/errors.ts";
import {
  type CborArray,
  type CborMap,
  type CborValue,
  decodeMap,
  encodeMap,
} from "../../firmware/update/cbor.ts";
import { HEADER_LENGTH, OPERATION, readHeader, VERSION, writeFrame } from "../../firmware/update/frames.ts";
import { CHARACTERISTIC_UUID, SERVICE_UUID } from "../../firmware/update/service.ts";

/** How long an answer may take; a request whose answer does not come is sent again so often. */
const ANSWER_MS = 5000;
const ATTEMPTS = 3;
/** The first answer to an upload, and the last, take as long as erasing and verifying do. */
const SLOW_ANSWER_MS = 40_000;

/** Bytes of a frame where the camera does not say what it takes. */
const FRAME_BYTES = 256;

/** Answers to an upload that bring it no further, one after the other: a camera that goes on so never takes the file. */
const STALLS_MAX = 5;

/** Notifications that may wait: the fragments of one answer. */
const QUEUE_SIZE = 100;

/** Commands, as group and number. */
const ECHO = [0, 0] as const;
const RESET = [0, 5] as const;
const PARAMETERS = [0, 6] as const;
const STATE = [1, 0] as const;
const UPLOAD = [1, 1] as const;
const ERASE = [1, 5] as const;

/** The camera has refused. `message` is its reason, or a sentence with the number of the error. */
export class ManagementError extends Error {
  override name = "ManagementError";
  /** Error code of the protocol. */
  readonly rc: number;

  constructor(rc: number, reason: unknown) {
    super(typeof reason === "string" ? reason : `the camera refuses with error ${rc}`);
    this.rc = rc;
  }
}

/** What carries fragments, and what comes back. */
export interface ManagementLink {
  /** Bytes that one write may have now. */
  readonly fragmentLength: number;
  /** Writes without a response. */
  write(fragment: Uint8Array): Promise<void>;
  /** The next notification. Rejects with an error of code "timeout" after `timeoutMs`. */
  notified(timeoutMs: number): Promise<Uint8Array>;
}

/** A bundle in a slot, as the camera lists it. */
export interface ListedImage {
  readonly slot: number;
  readonly version: string;
  readonly hash: Uint8Array;
  readonly bootable: boolean;
  readonly pending: boolean;
  readonly confirmed: boolean;
  readonly active: boolean;
  readonly permanent: boolean;
}

/**
 * The management service of a connected camera. Pairs where the camera wants that and has no bond with this computer: whoever
 * opens it has asked for the bond, which is no stranger's.
 * @param signal ends whatever waits, and lets nothing more be asked
 * @param checkPairing called before it pairs; what it throws keeps it from that
 * @returns undefined where it has none. Throws as the operations of a GATT client, and `pair()`, do.
 */
export async function openManagement(
  connection: DeviceConnection,
  signal: AbortSignal = new AbortController().signal,
  checkPairing: () => void = () => undefined,
): Promise<ManagementLink | undefined> {
  await connection.exchangeMtu({ signal });
  const service = await connection.service(SERVICE_UUID, { signal });
  const characteristic = await service?.characteristic(CHARACTERISTIC_UUID, { signal });
  if (!characteristic) return undefined;
  const subscribe = (): Promise<void> => characteristic.subscribe({ queueSize: QUEUE_SIZE, signal });
  try {
    await subscribe();
  } catch (error) {
    if (connection.encrypted || !isForWantOfKey(error)) throw error;
    checkPairing();
    await connection.pair({ signal });
    await subscribe();
  }
  return {
    get fragmentLength() {
      return Math.min(512, connection.mtu - 3);
    },
    write: async (fragment) => {
      signal.throwIfAborted();
      await characteristic.write(fragment, { response: false });
    },
    notified: async (timeoutMs) => {
      signal.throwIfAborted();
      return characteristic.notified({ timeoutMs, signal });
    },
  };
}

/** Insufficient Authentication and Insufficient Encryption (Vol 3, Part F, 3.4.1.1): one without a bond, the other with one. */
const WITHOUT_KEY: readonly number[] = [0x05, 0x0f];

const isForWantOfKey = (error: unknown): boolean =>
  error instanceof GattError && WITHOUT_KEY.includes(error.status);

export class ManagementClient {
  private readonly link: ManagementLink;
  private sequence = 0;
  private frameBytes: number | undefined = undefined;

  constructor(link: ManagementLink) {
    this.link = link;
  }

  /** @throws ManagementError when the camera refuses; as the link, when it does not answer or is gone. */
  read(command: readonly [number, number], map: CborMap = {}): Promise<CborMap> {
    return this.request(OPERATION.READ, command, map);
  }

  /** As `read`. */
  write(command: readonly [number, number], map: CborMap = {}, answerMs?: number): Promise<CborMap> {
    return this.request(OPERATION.WRITE, command, map, answerMs);
  }

  async echo(text: string): Promise<string> {
    return (await this.write(ECHO, { d: text })).r as string;
  }

  async list(): Promise<readonly ListedImage[]> {
    const { images } = await this.read(STATE);
    if (!isList(images)) throw new ManagementError(1, "the camera does not say what it runs");
    return images;
  }

  /** Has the bundle tried at the next start. @param permanent the camera confirms it by itself once it is healthy */
  async mark(hash: Uint8Array, permanent = false): Promise<void> {
    await this.write(STATE, { hash, confirm: permanent });
  }

  /** Confirms the bundle that runs. */
  async confirm(): Promise<void> {
    await this.write(STATE, { confirm: true });
  }

  async erase(): Promise<void> {
    await this.write(ERASE, {}, SLOW_ANSWER_MS);
  }

  async reset(): Promise<void> {
    await this.write(RESET);
  }

  /**
   * Uploads a file, or what the camera lacks of it.
   * @param sha SHA-256 of the file
   * @param onProgress gets the bytes that are there, the ones from before among them
   */
  async upload(
    file: Uint8Array,
    sha: Uint8Array,
    onProgress: (offset: number) => void = () => {},
  ): Promise<void> {
    const room = (await this.frameLength()) - HEADER_LENGTH;
    let off = 0;
    let furthest = 0;
    let stalls = 0;
    for (let isFirst = true; off < file.length; isFirst = false) {
      const more: CborMap = off === 0 ? { len: file.length, sha } : {};
      const space = room - encodeMap({ ...more, off, data: new Uint8Array(0) }).length - 2;
      const end = Math.min(file.length, off + space);
      const isSlow = isFirst || end === file.length;
      const map = { ...more, off, data: file.subarray(off, end) };
      const answer = await this.write(UPLOAD, map, isSlow ? SLOW_ANSWER_MS : ANSWER_MS);
      if (!isOffset(answer.off, file)) throw new ManagementError(1, "the camera does not say what it has");
      if (answer.match === false) throw new ManagementError(9, "what arrived is not what was sent");
      off = answer.off;
      stalls = off > furthest ? 0 : stalls + 1;
      if (stalls === STALLS_MAX) throw new ManagementError(1, "the camera takes no more of the file");
      furthest = Math.max(furthest, off);
      onProgress(off);
    }
  }

  /** Bytes of the longest frame that the camera takes. */
  private async frameLength(): Promise<number> {
    if (this.frameBytes !== undefined) return this.frameBytes;
    try {
      const { buf_size: size } = await this.read(PARAMETERS);
      this.frameBytes = typeof size === "number" ? size : FRAME_BYTES;
    } catch (error) {
      if (!(error instanceof ManagementError)) throw error;
      this.frameBytes = FRAME_BYTES;
    }
    return this.frameBytes;
  }

  private async request(
    operation: number,
    [group, command]: readonly [number, number],
    map: CborMap,
    answerMs = ANSWER_MS,
  ): Promise<CborMap> {
    const sequence = this.sequence++ & 0xff;
    const header = { operation, version: VERSION.FIRST, flags: 0, group, sequence, command };
    const frame = writeFrame(header, encodeMap(map));
    for (let attempt = 1; ; attempt++) {
      for (let at = 0; at < frame.length; ) {
        const end = at + this.link.fragmentLength;
        await this.link.write(frame.subarray(at, end));
        at = end;
      }
      try {
        return check(await this.answerTo(sequence, answerMs));
      } catch (error) {
        const isTimeout = (error as { code?: unknown }).code === "timeout";
        if (!isTimeout || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Puts fragments together until the answer with this sequence number is whole; others are late, and dropped. */
  private async answerTo(sequence: number, answerMs: number): Promise<CborMap> {
    for (;;) {
      let frame = await this.link.notified(answerMs);
      while (frame.length < HEADER_LENGTH || frame.length < HEADER_LENGTH + readHeader(frame).length) {
        const more = await this.link.notified(answerMs);
        const joined = new Uint8Array(frame.length + more.length);
        joined.set(frame);
        joined.set(more, frame.length);
        frame = joined;
      }
      if (readHeader(frame).sequence === sequence) return decodeMap(frame.subarray(HEADER_LENGTH));
    }
  }
}

function check(map: CborMap): CborMap {
  if (typeof map.rc === "number" && map.rc !== 0) throw new ManagementError(map.rc, map.rsn);
  return map;
}

const isOffset = (off: CborValue, file: Uint8Array): off is number =>
  typeof off === "number" && Number.isInteger(off) && off >= 0 && off <= file.length;

const isList = (images: CborValue): images is CborArray & readonly ListedImage[] =>
  Array.isArray(images) &&
  images.every((image) => typeof image?.version === "string" && image.hash instanceof Uint8Array);
