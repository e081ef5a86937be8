/**
 * The body of a signed bundle: a manifest that says what camera it is for, and the application's bytecode container
 * (firmware/native/bundle.h).
 *
 *   CBOR map, deterministically encoded (RFC 8949, 4.2)
 *   zeros up to a multiple of 16 bytes
 *   the container
 *
 * firmware/native/signed_manifest.c reads it, and nothing else than what is written here.
 */
import { decodeFirst, encode } from "cborg";
import { ToolError } from "../events.ts";

/** Version of the manifest's format. */
export const MANIFEST_FORMAT = 1;

/** The container begins at a multiple of this, counted from the body's start. */
export const CONTAINER_ALIGNMENT = 16;

/** What the manifest says. */
export interface BundleManifest {
  /** Name of the board, or of the family of boards that run the same bundles. */
  readonly board: string;
  /** The XS engine that the bytecode is for: major, minor, patch. */
  readonly engine: readonly [number, number, number];
  /** Digest of the natives, 8 bytes (bundle_interface_digest). */
  readonly interfaceDigest: Uint8Array;
  /** Security counter: a camera refuses a bundle with a lower one than it has confirmed. */
  readonly counter: number;
}

const MAGIC = "OBSX";
const APPLICATION = 1;
const HEADER_BYTES = 64;
const KEY_HASH_BYTES = 32;
const INTERFACE_BYTES = 8;

/** What the header of any container says of the engine and the natives that it is for. */
export function readTarget(container: Uint8Array): Pick<BundleManifest, "engine" | "interfaceDigest"> {
  return {
    engine: [container[8]!, container[9]!, container[10]!],
    interfaceDigest: container.subarray(16, 24),
  };
}

/** What the header of an application's container says of the firmware that it is for. */
export function readContainer(
  container: Uint8Array,
  name: string,
): Pick<BundleManifest, "engine" | "interfaceDigest"> {
  const bytes = Buffer.from(container.buffer, container.byteOffset, container.length);
  if (bytes.length < HEADER_BYTES || bytes.toString("latin1", 0, 4) !== MAGIC)
    throw new ToolError(`${name} is no bytecode of an application`);
  if (bytes[6] !== APPLICATION)
    throw new ToolError(`${name} is the bytecode of a firmware, not of an application`);
  if (bytes.readUInt32LE(12) !== bytes.length) throw new ToolError(`${name} is truncated`);
  return readTarget(bytes);
}

/** @param name of the container's file, for errors */
export function makeBody(
  container: Uint8Array,
  name: string,
  { board, counter }: Pick<BundleManifest, "board" | "counter">,
): Buffer {
  const { engine, interfaceDigest } = readContainer(container, name);
  const manifest = Buffer.from(
    encode({ format: MANIFEST_FORMAT, board, engine, interface: Uint8Array.from(interfaceDigest), counter }),
  );
  const padding = Buffer.alloc(-manifest.length & (CONTAINER_ALIGNMENT - 1));
  return Buffer.concat([manifest, padding, container]);
}

/** The body of a revocation, which the root key signs: the key of this hash signs nothing any more. */
export const makeRevocation = (keyHash: Uint8Array): Buffer =>
  Buffer.from(encode({ format: MANIFEST_FORMAT, revoke: Uint8Array.from(keyHash) }));

/** What a body is made of: a manifest and a container, or a revocation. */
export type Body =
  | (BundleManifest & { readonly kind: "application"; readonly container: Uint8Array })
  /** `revoked` is the SHA-256 of the public key that signs nothing any more. */
  | { readonly kind: "revocation"; readonly revoked: Uint8Array };

/** @throws ToolError when the body begins with no manifest of this format, or with one that lacks something. */
export function readBody(body: Uint8Array): Body {
  let map: Record<string, unknown> | undefined;
  let behind: Uint8Array = body;
  try {
    [map, behind] = decodeFirst(body) as [Record<string, unknown>, Uint8Array];
  } catch {
    // No CBOR.
  }
  if (map?.format !== MANIFEST_FORMAT)
    throw new ToolError("The bundle has no manifest that this Obscura reads");
  const { board, engine, interface: interfaceDigest, counter, revoke } = map;
  if (revoke !== undefined) {
    if (!isBytes(revoke, KEY_HASH_BYTES)) throw new ToolError("The revocation names no key");
    return { kind: "revocation", revoked: revoke };
  }
  if (typeof board !== "string" || !isEngine(engine) || typeof counter !== "number")
    throw new ToolError("The bundle's manifest is incomplete: it lacks a board, an engine or a counter");
  if (!isBytes(interfaceDigest, INTERFACE_BYTES))
    throw new ToolError("The bundle's manifest is incomplete: it lacks the digest of the native interface");
  const end = body.length - behind.length;
  const container = body.subarray(end + (-end & (CONTAINER_ALIGNMENT - 1)));
  return { kind: "application", board, engine, interfaceDigest, counter, container };
}

/** Whether it is a body that `readBody` takes, of that kind. */
export function isBody(body: Uint8Array, kind: Body["kind"]): boolean {
  try {
    return readBody(body).kind === kind;
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}

const isBytes = (value: unknown, length: number): value is Uint8Array =>
  value instanceof Uint8Array && value.length === length;

const isEngine = (value: unknown): value is BundleManifest["engine"] =>
  Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === "number");
