/** The sections of an ELF file (System V ABI, chapter 4), as far as sizes need them. */
import { readFileSync } from "node:fs";

/** A section. */
export interface Section {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  /** It takes memory when the program runs. */
  readonly allocated: boolean;
  /** It takes space in the file, and so in flash. */
  readonly stored: boolean;
  /** The program may write it. */
  readonly writable: boolean;
}

const SHT_NOBITS = 8;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;

/** Reads a little-endian ELF file of 32 or 64 bits. */
export function readSections(file: string): Section[] {
  const bytes = readFileSync(file);
  if (bytes.toString("latin1", 0, 4) !== "\x7fELF" || bytes[5] !== 1) {
    throw new Error(`${file} is no little-endian ELF file`);
  }
  const wide = bytes[4] === 2;
  const word = (at: number): number => (wide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const table = word(wide ? 0x28 : 0x20);
  const [size, count, names] = [0, 2, 4].map((at) => bytes.readUInt16LE((wide ? 0x3a : 0x2e) + at)) as [
    number,
    number,
    number,
  ];
  const raw = Array.from({ length: count }, (_, index) => {
    const at = table + index * size;
    const [flags, address, offset, length] = [0, 1, 2, 3].map((field) =>
      word(at + 8 + field * (wide ? 8 : 4)),
    ) as [number, number, number, number];
    return { name: bytes.readUInt32LE(at), type: bytes.readUInt32LE(at + 4), flags, address, offset, length };
  });
  const nameAt = (at: number): string => bytes.toString("latin1", at, bytes.indexOf(0, at));
  return raw.map(({ name, type, flags, address, length }) => ({
    name: nameAt(raw[names]!.offset + name),
    address,
    size: length,
    allocated: (flags & SHF_ALLOC) !== 0,
    stored: (flags & SHF_ALLOC) !== 0 && type !== SHT_NOBITS,
    writable: (flags & SHF_WRITE) !== 0,
  }));
}

/** A range of addresses. */
export interface Region {
  readonly start: number;
  readonly size: number;
}

const within = (region: Region) => (section: Section) =>
  section.address >= region.start && section.address < region.start + region.size;

/** Bytes from the region's start to the end of what the linker placed there. */
export function usedOf(region: Region, sections: readonly Section[]): number {
  const placed = sections.filter((section) => section.allocated && section.size > 0).filter(within(region));
  return Math.max(0, ...placed.map(({ address, size }) => address + size - region.start));
}

/** Bytes that the image takes in flash: initialised data counts where it is loaded from. */
export function storedBytes(sections: readonly Section[]): number {
  return sections.filter(({ stored }) => stored).reduce((sum, { size }) => sum + size, 0);
}
