/** A made-up patch in the HCD format: the shape of a real one, and none of its content. */
import { SeededRandom } from "../random.ts";

/** What RT1060's patch has: 138 records that write, and the launch; 35,182 bytes. */
const RECORDS = 138;
const BYTES = 35_182;
const FIRST_ADDRESS = 0x0020_0000;
/** Opcode, length, address. */
const RECORD_HEADER = 7;

/** Writes of one after the other, then Launch RAM. */
export function syntheticPatch(records = RECORDS, bytes = BYTES, seed = 1): Uint8Array {
  const random = new SeededRandom(seed);
  const data = bytes - (records + 1) * RECORD_HEADER;
  const patch = new Uint8Array(bytes);
  const view = new DataView(patch.buffer);
  let at = 0;
  let address = FIRST_ADDRESS;
  const add = (opcode: number, to: number, content: Uint8Array): void => {
    view.setUint16(at, opcode, true);
    view.setUint8(at + 2, content.length + 4);
    view.setUint32(at + 3, to, true);
    patch.set(content, at + RECORD_HEADER);
    at += RECORD_HEADER + content.length;
  };
  for (let left = records, rest = data; left > 0; left--) {
    // The last takes what is left over.
    const length = left === 1 ? rest : Math.min(251, Math.round(rest / left));
    add(0xfc4c, address, random.bytes(length));
    address += length;
    rest -= length;
  }
  add(0xfc4e, 0xffff_ffff, new Uint8Array(0));
  return patch;
}
