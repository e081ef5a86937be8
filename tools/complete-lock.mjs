/**
 * Names in package-lock.json the optional packages of other platforms that npm left out: `node tools/complete-lock.mjs`
 * after each `npm install`. npm leaves them out when the registry at hand does not have them, and `npm ci` then refuses
 * the lock file. They are pinned by version; a checksum can only be had where the package can.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const systems = "aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32";
const processors = "arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64";

/**
 * Whether the package at this path of a lock file finds another one, as Node looks for it: in the package itself, then in
 * each that it lies in, then at the top.
 * @param {Record<string, unknown>} packages of the lock file
 * @param {string} path
 * @param {string} name
 */
export function findsPackage(packages, path, name) {
  for (let base = path; base !== ""; base = base.slice(0, Math.max(0, base.lastIndexOf("/node_modules/")))) {
    if (`${base}/node_modules/${name}` in packages) return true;
  }
  return `node_modules/${name}` in packages;
}

/**
 * The entries that a lock file lacks, by path.
 * @param {Record<string, { dev?: boolean, optionalDependencies?: Record<string, string> }>} packages of the lock file
 */
export function missingPlatformPackages(packages) {
  const missing = {};
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (findsPackage(packages, path, name)) continue;
      const words = new RegExp(`(?:^|[-/])(${systems})-(${processors})(?:-(.*))?$`).exec(name);
      if (words === null) continue;
      const [, os, cpu, variant = ""] = words;
      const libc = variant.startsWith("musl") ? "musl" : variant.startsWith("gnu") ? "glibc" : undefined;
      missing[`node_modules/${name}`] = {
        version,
        cpu: [cpu],
        ...(dev === true ? { dev } : {}),
        ...(os === "linux" && libc !== undefined ? { libc: [libc] } : {}),
        optional: true,
        os: [os],
      };
    }
  }
  return missing;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingPlatformPackages(lock.packages);
  const entries = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(entries);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: ${Object.keys(missing).length} packages of other platforms added`);
}
