/** Group 1: what is in the slots, uploads, trials, and their confirmation. */
import type { Allowance } from "../ble/allowance.ts";
import { sameBytes } from "../ble/codec.ts";
import type { Clock, LogLevel } from "../platform/platform.ts";
import type { CborMap } from "./cbor.ts";
import { type CommandGroup, flagOf, optionalBytes, optionalCount, type Request } from "./commands.ts";
import { CommandError, IMAGE_ERROR, imageError, RC, refused } from "./errors.ts";
import type { SlotImage, UpdateStore } from "./store.ts";

/** A client whose upload rests for this long gives way to another one's. */
export const UPLOAD_PAUSE_MS = 10_000;

/** How often clients may have a slot erased or marked at once; once more so often. A sector of NOR flash lasts for some 100,000. */
export const SLOT_CHANGES_MAX = 20;
export const SLOT_CHANGE_REFILL_MS = 60_000;

/** Uploads of one link that the console says are refused: it has a line for the owner, and none for who repeats himself. */
export const REFUSAL_LINES_MAX = 4;

/** As clients number them: what runs, and the other one. */
const RUNNING = 0;
const OTHER = 1;

/** Bytes of a bundle's header, what it begins with, and where its version is. */
const HEADER_BYTES = 32;
const MAGIC = [0x3d, 0xb8, 0xf3, 0x96];
const VERSION_AT = 20;

/** Bytes of a SHA-256. */
const HASH_BYTES = 32;

/** What the group is handed. */
export interface ImagePort {
  readonly store: UpdateStore;
  readonly clock: Clock;
  readonly changes: Allowance;
  random(length: number): Uint8Array;
  log(level: LogLevel, message: string): void;
}

export class ImageGroup {
  readonly commands: CommandGroup;
  private readonly port: ImagePort;
  /** One operation on the slots is done after the other, whoever asks. */
  private last: Promise<unknown> = Promise.resolve();
  private underWay = 0;
  /** Whose upload it is, and when it last brought something. */
  private uploader: object | undefined = undefined;
  private uploadedAtMs = 0;
  /** Refused uploads of each client that has had one. */
  private readonly refusals = new Map<object, number>();
  /** The SHA-256 of the upload was made up, for its client gave none. */
  private isUnnamed = false;

  constructor(port: ImagePort) {
    this.port = port;
    this.commands = {
      0: { read: () => this.state(), write: ({ map }) => this.exclusive(() => this.setState(map)) },
      1: { write: (request) => this.exclusive(() => this.reportedUpload(request)) },
      5: { write: (request) => this.exclusive(() => this.erase(request)) },
      6: { read: () => this.slotInfo() },
    };
  }

  /** Why a reset of this client's would disturb; undefined when it would not. */
  busyFor(client: object): string | undefined {
    if (this.underWay > 0) return "the slots are being written; try again";
    return this.isOthersTurn(client)
      ? "another client uploads; try again when it is done, or reset by force"
      : undefined;
  }

  /** This client's link has ended. */
  forget(client: object): void {
    if (this.uploader === client) this.uploader = undefined;
    this.refusals.delete(client);
  }

  private exclusive(work: () => Promise<CborMap>): Promise<CborMap> {
    this.underWay++;
    const done = this.last.then(work).finally(() => this.underWay--);
    this.last = done.catch(() => undefined);
    return done;
  }

  private state(): CborMap {
    const images = this.port.store
      .list()
      .map(({ slot, version, hash, bootable, pending, confirmed, active, permanent }) => ({
        ...{ image: 0, slot, version: textOf(version), hash, bootable },
        ...{ pending, confirmed, active, permanent },
      }));
    return { images, splitStatus: 0 };
  }

  private slotInfo(): CborMap {
    const { slotBytes: size } = this.port.store;
    const slots = [RUNNING, OTHER].map((slot) => ({ slot, size }));
    return { images: [{ image: 0, slots, max_image_size: size }] };
  }

  private async setState(map: CborMap): Promise<CborMap> {
    const { store } = this.port;
    const hash = optionalBytes(map, "hash");
    const confirm = flagOf(map, "confirm");
    if (hash === undefined || hash.length === 0) {
      if (!confirm)
        throw imageError(IMAGE_ERROR.INVALID_HASH, "hash is missing, which says what is to be tried");
      store.confirm();
      return this.state();
    }
    const image = store.list().find((each) => sameBytes(each.hash, hash));
    if (!image) throw imageError(IMAGE_ERROR.HASH_NOT_FOUND, "no slot has a bundle with this hash");
    if (!image.active) {
      this.takeChange();
      await store.mark(hash.slice(), confirm);
    } else if (confirm) store.confirm();
    else throw imageError(IMAGE_ERROR.ALREADY_ACTIVE, "this bundle runs already");
    return this.state();
  }

  private async reportedUpload(request: Request): Promise<CborMap> {
    try {
      return await this.upload(request);
    } catch (error) {
      const { client } = request;
      const count = this.refusals.get(client) ?? 0;
      if (count < REFUSAL_LINES_MAX) {
        this.refusals.set(client, count + 1);
        this.port.log("warning", `update: an upload is refused: ${(error as Error).message}`);
      }
      throw error;
    }
  }

  private async upload({ map, client }: Request): Promise<CborMap> {
    const off = optionalCount(map, "off");
    const data = optionalBytes(map, "data");
    if (off === undefined) throw imageError(IMAGE_ERROR.INVALID_OFFSET, "off is missing");
    if (data === undefined) throw new CommandError(RC.INVALID, "data is missing");
    if ((optionalCount(map, "image") ?? 0) !== 0)
      throw imageError(IMAGE_ERROR.INVALID_SLOT, "this camera has one image, 0");
    this.checkTurn(client);
    const { store } = this.port;
    const wanted = off === 0 ? this.beginUpload(map, data) : (store.upload?.offset ?? 0);
    // Who asks for the middle of what it has not begun, after a first request that was refused, takes nobody's place.
    if (off === 0 || wanted === off || this.uploader === client) {
      this.uploader = client;
      this.uploadedAtMs = this.port.clock.now();
    }
    // A repeated or a lost request: the client goes on where it is told to, at the beginning where nothing is known of it.
    return wanted === off ? this.write(off, data) : { off: wanted };
  }

  /** One client uploads at a time. */
  private checkTurn(client: object): void {
    if (this.isOthersTurn(client))
      throw new CommandError(RC.BUSY, "another client uploads; try again when it is done");
  }

  private isOthersTurn(client: object): boolean {
    const isOthers = this.uploader !== undefined && this.uploader !== client;
    return isOthers && this.port.clock.now() - this.uploadedAtMs < UPLOAD_PAUSE_MS;
  }

  /** Begins an upload, or goes on with the one of the same file. Returns where. */
  private beginUpload(map: CborMap, data: Uint8Array): number {
    const { log, store } = this.port;
    const length = optionalCount(map, "len");
    const given = optionalBytes(map, "sha");
    if (length === undefined) throw imageError(IMAGE_ERROR.INVALID_LENGTH, "len is missing");
    if (given && given.length !== HASH_BYTES)
      throw imageError(IMAGE_ERROR.INVALID_HASH, "sha is no SHA-256 of the whole file");
    if (data.length < HEADER_BYTES)
      throw imageError(IMAGE_ERROR.INVALID_HEADER, "the first request holds less than the header");
    if (MAGIC.some((byte, at) => data[at] !== byte))
      throw imageError(IMAGE_ERROR.INVALID_MAGIC, "this is not a signed bundle");
    if (length > store.slotBytes)
      throw imageError(
        IMAGE_ERROR.TOO_LARGE,
        `the file has ${length} bytes, and a slot has ${store.slotBytes}`,
      );
    if (data.length > length) throw imageError(IMAGE_ERROR.OVERRUN, "the request holds more than the file");
    if (flagOf(map, "upgrade")) this.checkUpgrade(data);
    // A file that nobody can name is not gone on with.
    const sha = given?.slice() ?? this.port.random(HASH_BYTES);
    const { upload } = store;
    if (!(upload && upload.length === length && sameBytes(upload.sha, sha))) {
      this.takeChange();
      log("info", `update: a client uploads a bundle of ${length} bytes`);
    }
    this.isUnnamed = given === undefined;
    return store.beginUpload(length, sha).offset;
  }

  /** The client asks that the version be higher than that of what runs. */
  private checkUpgrade(data: Uint8Array): void {
    const running = this.port.store.list().find(({ active }) => active);
    if (!running) return;
    const { major, minor, revision } = running.version;
    const theirs = [
      data[VERSION_AT]!,
      data[VERSION_AT + 1]!,
      data[VERSION_AT + 2]! | (data[VERSION_AT + 3]! << 8),
    ];
    const own = [major, minor, revision];
    const at = own.findIndex((part, index) => part !== theirs[index]);
    if (at >= 0 && theirs[at]! > own[at]!) return;
    throw imageError(
      IMAGE_ERROR.VERSION_NOT_HIGHER,
      `the camera runs ${textOf(running.version)}, and the bundle's version is not higher`,
    );
  }

  private async write(off: number, data: Uint8Array): Promise<CborMap> {
    const { store, log } = this.port;
    const { length } = store.upload!;
    if (data.length > length - off)
      throw imageError(IMAGE_ERROR.OVERRUN, "the request holds more than is missing of the file");
    const { match, offset, problem } = await store.write(off, data);
    if (offset < length) return { off: offset };
    this.uploader = undefined;
    if (problem) throw refused(problem);
    log("info", "update: the upload is whole, and its bundle may be tried");
    return { off: offset, match: this.isUnnamed ? undefined : match };
  }

  private async erase({ map, client }: Request): Promise<CborMap> {
    const slot = optionalCount(map, "slot") ?? OTHER;
    if (slot !== OTHER)
      throw imageError(IMAGE_ERROR.INVALID_SLOT, `slot ${slot} is not erased: slot 1 can be`);
    this.checkTurn(client);
    this.takeChange();
    await this.port.store.erase();
    return {};
  }

  private takeChange(): void {
    if (this.port.changes.take(1)) return;
    throw new CommandError(
      RC.BUSY,
      `the slot was erased or marked ${SLOT_CHANGES_MAX} times in a short while; one more is allowed each minute`,
    );
  }
}

/** As clients show it: the build where it is not 0. */
function textOf({ major, minor, revision, build }: SlotImage["version"]): string {
  const text = `${major}.${minor}.${revision}`;
  return build === 0 ? text : `${text}.${build}`;
}
