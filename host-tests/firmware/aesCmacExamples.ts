/** AES-CMAC's example key and message, and the tags of its first bytes (RFC 4493, 4), as source of a firmware. */
export const aesCmacExamples = `
  const fromHex = (text) => Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.substr(2 * i, 2), 16));
  const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
  const message = fromHex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    + "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const tags = [0, 16, 40, 64].map((length) => toHex(native.aesCmac(key, message.subarray(0, length))));`;

/** What `tags` of the examples must be. */
export const aesCmacTags = [
  "bb1d6929e95937287fa37d129b756746",
  "070a16b46b4d4144f79bdd9dd04a287c",
  "dfa66747de9ae63030ca32611497c827",
  "51f0bebf7e3b9d92fc49741779363cfe",
];
