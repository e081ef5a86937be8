/** `obscura revoke`: a file that takes a key back, signed with the root key. */
import { type Operation, ToolError, UsageError } from "../events.ts";
import { checkOutput } from "../output-file.ts";
import { displayPath } from "../paths.ts";
import { whyNot, writeWhole } from "../whole-file.ts";
import { parseVersion, signBody, signedBody } from "./format.ts";
import { readPublicKey, readSigningKey } from "./keys.ts";
import { isBody, makeRevocation } from "./manifest.ts";

/**
 * @param revoked file of the public key
 * @throws UsageError for files that hold no keys, and for a key that would revoke itself.
 */
export async function* revokeKey(
  revoked: string,
  { key, output }: { readonly key: string; readonly output: string },
): Operation<string> {
  const { hash } = readPublicKey(revoked);
  const root = readSigningKey(key);
  if (hash.equals(root.publicKey.hash))
    throw new UsageError("A root key does not revoke itself: name the key that signs bundles.");
  checkOutput(output, (content) => {
    const body = signedBody(content);
    return body !== undefined && isBody(body, "revocation");
  });
  try {
    writeWhole(output, signBody(makeRevocation(hash), parseVersion("0.0.0"), root));
  } catch (error) {
    throw new ToolError(`The revocation cannot be written: ${whyNot(error)}`);
  }
  yield {
    type: "text",
    text: `${displayPath(output)}: revokes the key ${hash.toString("hex").slice(0, 16)}…`,
  };
  return output;
}
