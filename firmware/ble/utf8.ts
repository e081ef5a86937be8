/** UTF-8, which the engine offers neither encoder nor decoder for (RFC 3629). */

/** The bytes of `text`; an unpaired surrogate becomes U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    let code = character.codePointAt(0)!;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000)
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else {
      bytes.push(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 0x3f),
        0x80 | ((code >> 6) & 0x3f),
        0x80 | (code & 0x3f),
      );
    }
  }
  return new Uint8Array(bytes);
}

/** Least code point of a sequence with so many bytes after the first: less is not its shortest form. */
const LEAST = [0, 0x80, 0x800, 0x10000];

/** ASCII becomes text so many bytes at a time: one by one each costs a string of all before it. */
const PIECE_BYTES = 64;

/** The text in `bytes`; each sequence that is none becomes U+FFFD. */
export function utf8Decode(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const end = Math.min(bytes.length, start + PIECE_BYTES);
    while (at < end && bytes[at]! < 0x80) at++;
    if (at > start) {
      text += String.fromCharCode(...bytes.subarray(start, at));
      continue;
    }
    const first = bytes[at++]!;
    const more = first < 0xc0 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : -1;
    let code = more > 0 ? first & (0x3f >> more) : first;
    let missing = more;
    for (; missing > 0 && (bytes[at]! & 0xc0) === 0x80; missing--) code = (code << 6) | (bytes[at++]! & 0x3f);
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    if (missing !== 0 || code < LEAST[more]! || code > 0x10ffff || isSurrogate) code = 0xfffd;
    text += String.fromCodePoint(code);
  }
  return text;
}
