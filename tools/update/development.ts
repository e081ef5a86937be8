/** Signs bytecode for the images of development: what builds and tests load without naming a key. */
import { readFileSync } from "node:fs";
import { writeIfChanged } from "../build/fingerprint.ts";
import { displayPath } from "../paths.ts";
import { parseVersion, signBody } from "./format.ts";
import { developmentKeyFile, readSigningKey } from "./keys.ts";
import { makeBody } from "./manifest.ts";

/** What may differ. */
export interface DevelopmentOptions {
  /** That the application says it has. */
  readonly version?: string;
  readonly counter?: number;
  /** Zeros behind the bytecode, for a bundle of some size. */
  readonly padding?: number;
}

/** Signs an application's .xsb for a board; returns the signed file beside it. */
export function signForDevelopment(
  bytecode: string,
  board: string,
  { version = "0.0.0", counter = 0, padding = 0 }: DevelopmentOptions = {},
): string {
  const output = bytecode.replace(/\.xsb$/, ".bin");
  const body = makeBody(readFileSync(bytecode), displayPath(bytecode), { board, counter });
  const padded = Buffer.concat([body, Buffer.alloc(padding)]);
  writeIfChanged(output, signBody(padded, parseVersion(version), readSigningKey(developmentKeyFile)));
  return output;
}
