/** Containers of bytecode that nothing runs. */

/** One with a header as the compiler's. @param code bytes behind the header */
export function container({
  code = 60,
  engine = [1, 2, 3],
}: {
  code?: number;
  engine?: readonly number[];
} = {}): Buffer {
  const bytes = Buffer.alloc(64 + code, 0xc5);
  bytes.fill(0, 0, 64);
  bytes.write("OBSX", 0, "latin1");
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt8(1, 6);
  bytes.set(engine, 8);
  bytes.writeUInt32LE(bytes.length, 12);
  bytes.set([1, 2, 3, 4, 5, 6, 7, 8], 16);
  return bytes;
}
