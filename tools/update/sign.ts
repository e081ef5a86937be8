/** `obscura sign` and `obscura bundle`: from an application to a signed bundle, and what is in one. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { applicationKind, findApplication } from "../build/application.ts";
import { type ApplicationPackage, readPackage } from "../build/application-package.ts";
import { listBoards } from "../build/boards.ts";
import { buildBytecode } from "../build/build.ts";
import { boardOf } from "../build/output-folder.ts";
import { type Operation, ToolError, UsageError } from "../events.ts";
import { readInput } from "../input-file.ts";
import { checkOutput } from "../output-file.ts";
import { buildRoot, displayPath } from "../paths.ts";
import { whyNot, writeWhole } from "../whole-file.ts";
import { formatVersion, isSignedBy, parseVersion, readSigned, signBody, signedBody } from "./format.ts";
import { isDevelopmentKey, readPublicKey, readSigningKey } from "./keys.ts";
import { isBody, makeBody, readBody, readContainer, readTarget } from "./manifest.ts";

/** Most of a security counter: MCUboot gives it 32 bits. */
export const COUNTER_MAX = 0xffffffff;

/** Many times what the flash of any board takes. */
const CODE_BYTES_MAX = 67_108_864;

/** A signed bundle, or a revocation. @throws UsageError for what cannot be read */
export const readBundle = (file: string): Buffer =>
  readInput(file, { what: "bundle", bytesMax: CODE_BYTES_MAX });

const readBytecode = (file: string): Buffer =>
  readInput(file, { what: "bytecode", bytesMax: CODE_BYTES_MAX });

/** What to sign, and as what. */
export interface SignOptions {
  /** An application as for `build`, or the .xsb of one that was built elsewhere. */
  readonly application: string;
  readonly board: string;
  /** Of the image that it is for. */
  readonly manifest: string;
  /** File of the private key. */
  readonly key: string;
  /** By default that of the application's package.json, and 0.0.0 without. */
  readonly version?: string;
  /** Security counter; by default `obscura.counter` of package.json, and 0 without. */
  readonly counter?: number;
  /** The file to write; by default beside the bytecode. */
  readonly output?: string;
  /** Writes the body only, for a signer elsewhere, such as imgtool. */
  readonly unsigned?: boolean;
}

/** @throws UsageError before anything is built when the version or the counter makes no sense. */
export async function* signApplication(options: SignOptions): Operation<string> {
  const { application, board, manifest, unsigned = false } = options;
  const isBytecode = applicationKind(application) === "bytecode";
  const entry = isBytecode ? undefined : findApplication(application).entry;
  const said = entry === undefined ? undefined : readPackage(entry);
  const version = parseVersion(options.version ?? versionIn(said));
  const counter =
    options.counter === undefined ? counterIn(said) : checkCounter(options.counter, "the counter");
  const key = readSigningKey(options.key);
  // Before it is looked whether the output can be written.
  if (isBytecode) readBytecode(application);
  if (options.output !== undefined)
    checkOutput(options.output, (content) => {
      const body = unsigned ? content : signedBody(content);
      return body !== undefined && isBody(body, "application");
    });
  const bytecode = isBytecode ? application : yield* buildBytecode({ application, board, manifest });
  const body = makeBody(readBytecode(bytecode), displayPath(bytecode), { board, counter });
  const firmware = join(buildRoot, board, "firmware.xsb");
  for (const message of isBytecode ? doubts(bytecode, board, firmware) : [])
    yield { type: "warning", message };
  const ending = unsigned ? ".body" : ".bin";
  const output = options.output ?? join(dirname(bytecode), `${basename(bytecode, ".xsb")}${ending}`);
  const content = unsigned ? body : signBody(body, version, key);
  try {
    writeWhole(output, content);
  } catch (error) {
    throw new ToolError(`The bundle cannot be written: ${whyNot(error)}`);
  }
  yield { type: "text", text: `${displayPath(output)}: ${content.length} bytes` };
  if (unsigned) return output;
  yield* describe(content, [
    ["version", formatVersion(version)],
    ["counter", String(counter)],
  ]);
  if (isDevelopmentKey(key.publicKey))
    yield {
      type: "warning",
      message: "signed with the development key, which everybody has: only images for development run it",
    };
  return output;
}

/**
 * Why a camera of this board would refuse the bytecode of an application, as far as this computer can see: an .xsb says what
 * engine and what native interface it is for, and of its board nothing but where `build` has put it.
 * @param firmware bytecode of the board's firmware, where it was built here
 */
export function doubts(bytecode: string, board: string, firmware: string): string[] {
  const name = displayPath(bytecode);
  const found: string[] = [];
  const parts = resolve(bytecode).split("/");
  const place = parts.at(-2) === "applications" ? boardOf(parts.at(-3)!, listBoards()) : undefined;
  if (place !== undefined && place !== board)
    found.push(`${name} lies where build puts what is for ${place}, and is signed for ${board}`);
  if (!existsSync(firmware)) return found;
  const ours = readTarget(readFileSync(firmware));
  const { engine, interfaceDigest } = readContainer(readBytecode(bytecode), name);
  const remedy = `cameras of the firmware that was built here for ${board} refuse it; build it again with that firmware's tools`;
  if (engine.join(".") !== ours.engine.join("."))
    found.push(
      `${name} was compiled for version ${engine.join(".")} of the XS engine, not ${ours.engine.join(".")}: ${remedy}`,
    );
  else if (!Buffer.from(interfaceDigest).equals(ours.interfaceDigest))
    found.push(`${name} was compiled for another native interface: ${remedy}`);
  return found;
}

function versionIn(said: ApplicationPackage | undefined): string {
  if (said?.version === undefined) return "0.0.0";
  if (typeof said.version === "string") return said.version;
  throw new UsageError(`${said.file}: "version" is ${JSON.stringify(said.version)}; it is a string.`);
}

function counterIn(said: ApplicationPackage | undefined): number {
  if (said?.obscura?.counter === undefined) return 0;
  return checkCounter(said.obscura.counter, `${said.file}: "obscura.counter"`);
}

/** @param what the beginning of a sentence: who says it */
function checkCounter(counter: unknown, what: string): number {
  const isCounter =
    typeof counter === "number" && Number.isInteger(counter) && counter >= 0 && counter <= COUNTER_MAX;
  if (isCounter) return counter;
  const value = typeof counter === "number" ? String(counter) : JSON.stringify(counter);
  throw new UsageError(`${what} is ${value}; it is a whole number from 0 to ${COUNTER_MAX}.`);
}

/** Lines of what a file says, in front of what names it and its key. */
async function* describe(
  content: Uint8Array,
  facts: readonly (readonly [name: string, value: string])[],
): Operation {
  const { digest, keyHash } = readSigned(content);
  const all = [...facts, ["hash", digest.toString("hex")], ["key hash", keyHash.toString("hex")]] as const;
  for (const [name, value] of all) yield { type: "text", text: `${name.padEnd(10)}${value}` };
}

/**
 * `obscura bundle`: describes a signed bundle, or a revocation.
 * @param keys files of public keys, one of which must have signed it; the development key without any
 */
export async function* describeBundle(file: string, keys: readonly string[]): Operation {
  const content = readBundle(file);
  const publicKeys = keys.map(readPublicKey);
  const signed = readSigned(content);
  const body = readBody(signed.body);
  const signer = publicKeys.findIndex((key) => isSignedBy(signed, key));
  if (signer < 0) {
    const key = signed.keyHash.toString("hex");
    throw new ToolError(
      publicKeys.some(({ hash }) => hash.equals(signed.keyHash))
        ? `${displayPath(file)}: its signature is not one of the key that it names, ${key}`
        : `${displayPath(file)} is signed with another key, of hash ${key}; name its public key with --key`,
    );
  }
  const name = `${displayPath(file)}: ${content.length} bytes`;
  const by = { type: "text", text: `signed by ${displayPath(keys[signer]!)}` } as const;
  if (body.kind === "revocation") {
    yield {
      type: "text",
      text: `${name}, a revocation: cameras that trust the signer as their root take it`,
    };
    const revoked = publicKeys.findIndex(({ hash }) => hash.equals(body.revoked));
    const whose = revoked < 0 ? "" : ` (${displayPath(keys[revoked]!)})`;
    yield* describe(content, [["revokes", Buffer.from(body.revoked).toString("hex") + whose]]);
    yield by;
    return;
  }
  const { board, engine, counter, container } = body;
  yield { type: "text", text: `${name}, ${container.length} of them bytecode` };
  yield* describe(content, [
    ["version", formatVersion(signed.version)],
    ["counter", String(counter)],
  ]);
  yield { type: "text", text: `board     ${board}` };
  yield { type: "text", text: `engine    ${engine.join(".")}` };
  yield by;
}
