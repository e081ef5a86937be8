import type { FlashArea, LogLevel } from "../platform/platform.ts";
import {
  Bank,
  KEY_LENGTH_MAX,
  type Location,
  RECORD_KIND,
  type RecordHeader,
  VALUE_LENGTH_MAX,
} from "./bank.ts";

/**
 * Small named records on flash that survive a power cut at any moment.
 *
 * ## Format
 *
 * All numbers are little-endian. "Program unit" and "erase unit" are those of the flash area.
 *
 * The area is two banks of equal size: the first half of its erase units and the second half; an odd unit at the
 * end is unused. A bank is a header, then records. Header and records start at a multiple of the program unit and
 * are filled up to the next one with 0xFF.
 *
 * Bank header:
 *
 * | offset | bytes | content                                                     |
 * |--------|-------|-------------------------------------------------------------|
 * | 0      | 4     | magic: "OBRS" in ASCII                                      |
 * | 4      | 4     | version of this format: 1                                   |
 * | 8      | 4     | generation: 1 for the first bank written, then one more each |
 * | 12     | 4     | CRC-32 of the bytes 0 to 11                                 |
 *
 * Record, of k bytes of key and v bytes of value:
 *
 * | offset | bytes | content                                                              |
 * |--------|-------|----------------------------------------------------------------------|
 * | 0      | 1     | kind: 0x01 a value, 0x02 a deletion (v is 0)                         |
 * | 1      | 1     | k: 1 to 32                                                           |
 * | 2      | 2     | v: 0 to 512                                                          |
 * | 4      | 4     | bitwise complement of the bytes 0 to 3                               |
 * | 8      | 4     | CRC-32 over: the bank's generation (4 bytes), the offset of the      |
 * |        |       | record in the bank (4 bytes), the bytes 0 to 3, the key, the value   |
 * | 12     | k     | key: printable ASCII without spaces, 0x21 to 0x7E                    |
 * | 12 + k | v     | value                                                                |
 *
 * Of several records of a key the last one with the right CRC counts. The log ends where no header is: programming
 * and erasing move bits in one direction only, so that a torn header cannot equal its complement. Generation and
 * offset in the CRC keep bytes from being taken for a record where they were not written as one: what an
 * interrupted erasure left, or a record's image inside a value.
 *
 * ## How it survives
 *
 * A change is one record, programmed in one piece behind the last. When the bank is full, all records that count,
 * with the change, are written to the other bank, which is erased first; its header comes last, when they are
 * synced, and makes it the valid bank of the higher generation. Until then the old bank is valid.
 *
 * Flash that was programmed only in part is never programmed again: when the log does not end in erased flash, or
 * a record in it is damaged, the next change writes the other bank. Opening writes nothing.
 *
 * ## Costs
 *
 * Opening reads the header of every record in the log (some 40,000 instructions each on XS) and checks those that
 * count. A change programs one record. When the bank is full it erases a bank, which takes as long as the flash
 * needs (a second and more for large erase units), and all else waits. Values stay on flash; RAM holds the keys.
 */
export class RecordStore {
  private readonly banks: readonly [Bank, Bank];
  private readonly log: (level: LogLevel, message: string) => void;
  private readonly index = new Map<string, Location>();
  /** Undefined before the first change of an empty store. */
  private active: Bank | undefined = undefined;
  private generation = 0;
  /** The offset behind the last record. */
  private end = 0;
  /** The next change goes behind the last record, not to the other bank. */
  private appendable = false;
  /** The flash certainly holds what the index says: no change was cut short by a failure. */
  private certain = true;

  private constructor(flash: FlashArea, log: (level: LogLevel, message: string) => void) {
    if (flash.size < 2 * flash.eraseUnit) {
      throw new RangeError(
        `RecordStore: the area of ${flash.size} bytes is less than two erase units of ${flash.eraseUnit}`,
      );
    }
    this.banks = [new Bank(flash, 0), new Bank(flash, 1)];
    this.log = log;
  }

  /**
   * Opens the store in an area, whatever its content: finds the newest consistent state, or starts empty.
   * @param log gets a warning when something was damaged and had to be left out
   * @throws RangeError when the area is less than two erase units
   */
  static open(flash: FlashArea, log: (level: LogLevel, message: string) => void): RecordStore {
    const store = new RecordStore(flash, log);
    store.recover();
    return store;
  }

  /** The keys of all records, in no order that means something. */
  keys(): string[] {
    return [...this.index.keys()];
  }

  /**
   * A copy of a record's value; undefined when there is none.
   * @throws Error when the flash cannot be read
   */
  get(key: string): Uint8Array | undefined {
    const record = this.index.get(key);
    return record && this.active?.readValue(record);
  }

  /**
   * Gives a record a value; on return it survives a power cut. Writes nothing when the record has that value
   * already.
   * @param key 1 to 32 characters of printable ASCII without spaces
   * @param value 0 to 512 bytes
   * @throws RangeError when key or value is too long, or when the store is full; nothing has changed then
   * @throws Error when the flash fails; the record then has its old or its new value after the next opening
   */
  set(key: string, value: Uint8Array): void {
    checkKey(key);
    if (value.length > VALUE_LENGTH_MAX) {
      throw new RangeError(`Record "${key}": ${value.length} bytes, the limit is ${VALUE_LENGTH_MAX}`);
    }
    const previous = this.get(key);
    if (this.certain && previous && isEqual(previous, value)) return;
    this.checkRoom(key, value.length);
    this.change(RECORD_KIND.VALUE, key, value);
  }

  /**
   * Removes a record; on return the removal survives a power cut. Writes nothing when there is no such record.
   * @returns whether there was one
   * @throws Error when the flash fails; the record may then be back after the next opening
   */
  delete(key: string): boolean {
    const exists = this.index.has(key);
    if (exists || !this.certain) this.change(RECORD_KIND.DELETION, key, new Uint8Array(0));
    return exists;
  }

  private recover(): void {
    const generations = this.banks.map((bank, index) => {
      try {
        return bank.readGeneration() ?? 0;
      } catch (error) {
        this.log("warning", `Records: bank ${index} cannot be read: ${error}`);
        return 0;
      }
    });
    const [first = 0, second = 0] = generations;
    this.generation = Math.max(first, second);
    if (this.generation === 0) {
      const isNew = this.banks.every((bank) => bank.isNew());
      if (isNew) this.log("info", "Records: nothing was ever kept, starting empty");
      else this.log("warning", "Records: no valid bank, starting empty");
      return;
    }
    this.active = this.banks[second > first ? 1 : 0];
    this.readActive(this.active);
  }

  private readActive(bank: Bank): void {
    const newest = new Map<string, RecordHeader>();
    const end = bank.walk((record) => newest.set(record.key, record));
    this.end = end.offset;
    this.appendable = end.clean;
    if (!end.clean)
      this.log("warning", `Records: the log is torn at ${end.offset}, going on with what is before`);
    for (const header of newest.values()) {
      let record: RecordHeader | undefined = header;
      while (record && !bank.isIntact(record, this.generation)) {
        this.log("warning", `Records: a record at ${record.offset} is damaged, leaving it out`);
        this.appendable = false;
        record = findPrevious(bank, record);
      }
      if (record?.kind === RECORD_KIND.VALUE) this.index.set(record.key, record);
    }
    this.certain = this.appendable;
  }

  private checkRoom(key: string, valueLength: number): void {
    const bank = this.banks[0];
    let free = bank.size - bank.start;
    for (const record of this.index.values()) {
      if (record.key !== key) free -= bank.recordSize(record.key.length, record.valueLength);
    }
    const needed = bank.recordSize(key.length, valueLength);
    if (needed > free) {
      throw new RangeError(
        `The record store is full: "${key}" needs ${needed} bytes, ${free} are free. Delete other records first.`,
      );
    }
  }

  /** While a change is under way, and after a failure in it, the flash may hold either state. */
  private change(kind: number, key: string, value: Uint8Array): void {
    const { active, end } = this;
    const appends =
      this.appendable &&
      active !== undefined &&
      end + active.recordSize(key.length, value.length) <= active.size;
    this.appendable = false;
    this.certain = false;
    if (appends) this.append(active, kind, key, value);
    else this.compact(kind, key, value);
    this.appendable = true;
    this.certain = true;
  }

  private append(bank: Bank, kind: number, key: string, value: Uint8Array): void {
    const offset = this.end;
    this.end = bank.writeRecord(offset, this.generation, kind, key, value);
    bank.sync();
    if (kind === RECORD_KIND.VALUE) this.index.set(key, { key, offset, valueLength: value.length });
    else this.index.delete(key);
  }

  /** Writes all records that count, with the change, to the other bank. */
  private compact(kind: number, changedKey: string, changedValue: Uint8Array): void {
    const { active } = this;
    const target = this.banks[active === this.banks[0] ? 1 : 0];
    const generation = this.generation + 1;
    const moved: Location[] = [];
    let end = target.start;
    const write = (key: string, value: Uint8Array): void => {
      moved.push({ key, offset: end, valueLength: value.length });
      end = target.writeRecord(end, generation, RECORD_KIND.VALUE, key, value);
    };
    target.erase();
    for (const record of this.index.values()) {
      if (record.key !== changedKey) write(record.key, active!.readValue(record));
    }
    if (kind === RECORD_KIND.VALUE) write(changedKey, changedValue);
    target.sync();
    target.writeGeneration(generation);
    target.sync();

    this.active = target;
    this.generation = generation;
    this.end = end;
    this.index.clear();
    for (const record of moved) this.index.set(record.key, record);
  }
}

/** The newest record of the same key before `record`. The log is walked anew: damage is rare, memory is scarce. */
function findPrevious(bank: Bank, record: RecordHeader): RecordHeader | undefined {
  let previous: RecordHeader | undefined;
  bank.walk((each) => {
    if (each.key === record.key && each.offset < record.offset) previous = each;
  });
  return previous;
}

function checkKey(key: string): void {
  let isValid = key.length >= 1 && key.length <= KEY_LENGTH_MAX;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code < 0x21 || code > 0x7e) isValid = false;
  }
  if (!isValid) {
    throw new RangeError(
      `The key of a record is 1 to ${KEY_LENGTH_MAX} characters of printable ASCII without spaces, not "${key}"`,
    );
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
