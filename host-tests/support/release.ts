/** The image for release that tests share, and the key that it trusts. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Built, build } from "../../tools/build/build.ts";
import { perform } from "../../tools/cli/perform.ts";
import { lock } from "../../tools/lock.mjs";
import { buildRoot } from "../../tools/paths.ts";
import { generateKey, publicFileOf } from "../../tools/update/keys.ts";

/** What was built, and the file of the private key that signs for it. */
export interface Release extends Built {
  readonly key: string;
}

/**
 * Builds an application with the image for release of a board. It trusts one key in all tests, which is kept from run to run: the
 * image is linked once, and no test puts another in the place of the one that a camera of somebody else's runs.
 */
export async function buildRelease(application: string, board: string): Promise<Release> {
  const key = await sharedKey();
  const options = { application, board, trust: [publicFileOf(key)], release: true };
  return { ...(await perform(build(options), () => undefined)), key };
}

async function sharedKey(): Promise<string> {
  const folder = join(buildRoot, "test-release");
  mkdirSync(folder, { recursive: true });
  const key = join(folder, "key.pem");
  const unlock = await lock(join(folder, "key.lock"));
  try {
    if (!existsSync(publicFileOf(key))) await perform(generateKey(key, "ed25519"), () => undefined);
  } finally {
    unlock();
  }
  return key;
}
