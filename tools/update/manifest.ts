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

/** What a body is made of. @throws ToolError when it begins with no manifest of this format. */
export function readBody(body: Uint8Array): BundleManifest & { readonly container: Uint8Array } {
  let map: Record<string, unknown> | undefined;
  let behind: Uint8Array = body;
  try {
    [map, behind] = decodeFirst(body) as [Record<string, unknown>, Uint8Array];
  } catch {
    // No CBOR.
  }
  if (map?.format !== MANIFEST_FORMAT)
    throw new ToolError("The bundle has no manifest that this Obscura reads");
  const end = body.length - behind.length;
  return {
    board: map.board as string,
    engine: map.engine as [number, number, number],
    interfaceDigest: map.interface as Uint8Array,
    counter: map.counter as number,
    container: body.subarray(end + (-end & (CONTAINER_ALIGNMENT - 1))),
  };
}
