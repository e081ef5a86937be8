/** `obscura keygen` and `obscura revoke`. */
import { Option } from "commander";
import { type Algorithm, algorithms, generateKey } from "../../update/keys.ts";
import { revokeKey } from "../../update/revoke.ts";
import type { CommandLine } from "../command-line.ts";
import { jsonOption } from "../options.ts";
import { perform } from "../perform.ts";

/** Adds `keygen`. */
export function addKeygen(cli: CommandLine): void {
  cli
    .command("keygen", "make a key that signs bundles")
    .argument("<file>", "where the private key goes, as FILE.pem; the public one goes to FILE.pub.pem")
    .addOption(
      new Option("-t, --type <type>", "kind of signature").choices(algorithms).default(algorithms[0]),
    )
    .addOption(jsonOption())
    .action(async (file: string, options: { type: Algorithm; json?: boolean }) => {
      await perform(generateKey(file, options.type), cli.rendererFor(options));
    });
}

/** Adds `revoke`. */
export function addRevoke(cli: CommandLine): void {
  cli
    .command("revoke", "make a file that tells cameras to trust a key no more; clients of MCUmgr upload it")
    .argument("<key>", "the public key to revoke")
    .requiredOption(
      "-k, --key <file>",
      "private root key, whose public one the images were built with (--root)",
    )
    .option("-o, --output <file>", "the file to write", "revocation.bin")
    .addOption(jsonOption())
    .action(async (revoked: string, options: { key: string; output: string; json?: boolean }) => {
      await perform(revokeKey(revoked, options), cli.rendererFor(options));
    });
}
