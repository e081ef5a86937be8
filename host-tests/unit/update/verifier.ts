/** The native verifier of signed bundles, and the slots, compiled with sanitizers, behind lines of text. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cryptoFolder, root } from "../../../tools/paths.ts";
import type { PublicKey } from "../../../tools/update/keys.ts";

const native = join(root, "firmware/native");
const inCrypto = (...names: string[]): string[] => names.map((name) => join(cryptoFolder, name));

/** The drivers, each with the sources that it drives beside the verifier's. */
const drivers = {
  "unit/update/signed_lines.c": [] as string[],
  "unit/update/slots_lines.c": ["slots.c", "slots_state.c", "bundle.c"],
  "fuzz/bundles.c": ["slots.c", "slots_state.c", "bundle.c"],
};
const verifier = ["signed_frame.c", "signed_bundle.c", "signed_manifest.c", "signature.c"];
/** Of others, those that read lengths from the file; and those that compute with bytes of a fixed number. */
const parsers = inCrypto("library/sha256.c", "library/asn1parse.c");
const arithmetic = inCrypto(
  ...["library/platform_util.c", "3rdparty/p256-m/p256-m/p256-m.c"],
  ...["monocypher/monocypher.c", "monocypher/optional/monocypher-ed25519.c"],
);
export const includes = [
  ...[native, join(native, "crypto"), join(root, "host-tests/unit/update")].flatMap((folder) => [
    "-I",
    folder,
  ]),
  ...inCrypto("include", "library", "3rdparty/p256-m/p256-m", "monocypher", "monocypher/optional").flatMap(
    (folder) => ["-isystem", folder],
  ),
  '-DMBEDTLS_CONFIG_FILE="obscura_crypto_config.h"',
];
/** As the build makes it of board.json. */
const flashAreas = `#define FLASH_AREA_UPDATE
#define FLASH_AREAS(AREA) AREA(UPDATE, "update", 0, 0, 0)
`;
/** Bounds are strict: an array at the end of a structure has an end too. */
export const sanitizers = [
  ...["-g", "-O2", "-fsanitize=address,undefined,bounds-strict"],
  "-fno-sanitize-recover=undefined,bounds-strict",
];

/** All that bundle.c asks of the engine. */
export const engineVersion = `#define XS_MAJOR_VERSION 1
#define XS_MINOR_VERSION 2
#define XS_PATCH_VERSION 3
`;

/** Compiles a driver in `folder`, with sanitizers. @returns the program */
export function compileDriver(driver: keyof typeof drivers, folder: string): string {
  const program = join(folder, "driver");
  writeFileSync(join(folder, "flash_areas.h"), flashAreas);
  writeFileSync(join(folder, "xsAll.h"), engineVersion);
  const ours = [...verifier, ...drivers[driver]].map((name) => join(native, name));
  ours.push(join(root, "host-tests", driver));
  const objects = [
    ...ours.map((source) => [source, "-std=c11", "-Wall", "-Wextra", "-Werror", ...sanitizers]),
    ...parsers.map((source) => [source, "-w", "-O2", "-fsanitize=address"]),
    ...arithmetic.map((source) => [source, "-w", "-O2"]),
  ].map(([source, ...options], index) => {
    const object = join(folder, `${index}.o`);
    execFileSync("cc", [...options, "-I", folder, ...includes, "-c", source!, "-o", object]);
    return object;
  });
  execFileSync("cc", [...sanitizers, ...objects, "-o", program]);
  return program;
}

/** A camera's verifier: the board "host", engine 1.2.3, native interface 0102030405060708. */
export class Verifier {
  private readonly folder = mkdtempSync(join(tmpdir(), "obscura-verifier-"));
  private readonly program: string;

  constructor(driver: keyof typeof drivers = "unit/update/signed_lines.c") {
    this.program = compileDriver(driver, this.folder);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What the verifier answers, a line each. */
  ask(keys: readonly PublicKey[], ...commands: readonly string[]): string[] {
    const input = ["board host", ...keys.map((key) => keyCommand(key)), ...commands]
      .map((line) => `${line}\n`)
      .join("");
    const output = execFileSync(this.program, { input, encoding: "utf8", maxBuffer: 1 << 28 });
    return output.split("\n").slice(0, -1);
  }
}

export const keyCommand = ({ algorithm, hash, raw }: PublicKey, what: "key" | "root" = "key"): string =>
  `${what} ${algorithm === "ed25519" ? "ed25519" : "ecdsa"} ${hash.toString("hex")} ${raw.toString("hex")}`;

export const fileCommand = (bytes: Uint8Array): string => `file ${Buffer.from(bytes).toString("hex")}`;
