/**
 * The relinking kit that the engine's licence asks for (docs/licence.md): everything that it takes to put a
 * modified XS engine into this image.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ToolError } from "../events.ts";
import { enginePackage, root } from "../paths.ts";
import { mustRun } from "../process.ts";
import type { Board } from "./boards.ts";
import { fingerprint, unlessFresh } from "./fingerprint.ts";

/** Our headers that the engine's sources are compiled with. */
const platformHeaders = ["engine_compact.h", "xs_platform.h"];

/** Of a board: puts the preloaded machine into a linked image (docs/decisions/0003-rom-image.md). */
const preloadProgram = "preload.sh";

/** What the kit is made of. */
export interface RelinkingSources {
  /** Where Ninja built. */
  readonly folder: string;
  readonly image: string;
  /** The firmware's .xsb. */
  readonly bundle: string;
}

/** Makes <folder>/relink when the image has changed; returns its path. */
export async function makeRelinkingKit(board: Board, sources: RelinkingSources): Promise<string> {
  const kit = join(sources.folder, "relink");
  const digest = fingerprint([
    sources.image,
    fileURLToPath(import.meta.url),
    join(board.folder, preloadProgram),
  ]);
  await unlessFresh(join(kit, "README.md"), join(sources.folder, "relink.stamp"), digest, () =>
    fillKit(kit, board, sources),
  );
  return kit;
}

async function fillKit(kit: string, board: Board, { folder, bundle }: RelinkingSources): Promise<void> {
  rmSync(kit, { recursive: true, force: true });
  mkdirSync(join(kit, "include"), { recursive: true });
  const commands = await mustRun(
    "ninja",
    ["-C", folder, "-t", "commands", "firmware"],
    "Ninja tells no commands",
  );
  const lines = commands.trim().split("\n");
  const link = linkCommand(lines.at(-1) ?? "");
  const words = link.map((word) => {
    if (word.endsWith(".o") || word.endsWith(".obj")) {
      const path = objectPath(word);
      mkdirSync(dirname(join(kit, path)), { recursive: true });
      copyFileSync(resolve(folder, word), join(kit, path));
      return path;
    }
    const script = /^-T(.+\.ld)$/.exec(word)?.[1];
    if (script !== undefined) {
      for (const name of readdirSync(dirname(script)).filter((file) => file.endsWith(".ld"))) {
        copyFileSync(join(dirname(script), name), join(kit, name));
      }
      return `-T${basename(script)}`;
    }
    return word;
  });
  for (const header of platformHeaders) {
    copyFileSync(join(root, "firmware/native", header), join(kit, "include", header));
  }
  copyFileSync(join(folder, "libxs.a"), join(kit, "libxs.a"));
  copyFileSync(bundle, join(kit, "firmware.xsb"));
  cpSync(join(root, "LICENSE"), join(kit, "LICENSE"));
  const archiver = lines.find((line) => /\bqc libxs\.a\b/.test(line));
  const preload = join(board.folder, preloadProgram);
  const preloads = existsSync(preload);
  if (preloads) copyFileSync(preload, join(kit, preloadProgram));
  writeScript(join(kit, "relink.sh"), relinkScript(words, preloads));
  writeScript(
    join(kit, "build-engine.sh"),
    engineScript(engineCompilations(lines), archiverProgram(archiver)),
  );
  writeFileSync(join(kit, "README.md"), readme(board, engineVersion(), preloads));
}

/**
 * Where an object goes in the kit. CMake puts the object of a source outside firmware/ under the whole path of the
 * source; file names stay, because the linker writes some of them into the image.
 */
const objectPath = (object: string): string =>
  join("objects", object.replace(/^CMakeFiles\/firmware\.dir\//, "").replace(root.slice(1), ""));

/** The words of CMake's link line, `: && gcc … -o firmware … && :`. */
function linkCommand(line: string): string[] {
  const command = line.split(" && ").find((part) => /\s-o firmware(\s|$)/.test(part));
  if (command === undefined) throw new ToolError("The link command was not found among Ninja's commands");
  return command.trim().split(/\s+/);
}

/**
 * How the sources of the engine were compiled: the compiler and its options, without input, output, dependencies; and
 * for each such command, which members of the library.
 */
function engineCompilations(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const compilations = new Map<string, string[]>();
  for (const line of lines) {
    const output = /\s-o '?([^\s']+)'? -c \S+\/xs\/sources\/\w+\.c'?$/.exec(line)?.[1];
    if (output === undefined) continue;
    const command = line
      .replace(/\s-MD\b|\s-M[TF] \S+/g, "")
      .replace(/\s-o \S+/, "")
      .replace(/\s-c \S+$/, "")
      .replace(/-(isystem |I)(\S+)/g, (_, flag: string, path: string) => `-${flag}${includeFolder(path)}`)
      .replace(/-include (\S+)/g, (_, path: string) => `-include "$kit/include/${basename(path)}"`)
      .replace(/\s+/g, " ")
      .trim();
    compilations.set(command, [...(compilations.get(command) ?? []), basename(output)]);
  }
  if (compilations.size === 0)
    throw new ToolError("The engine's compilation was not found among Ninja's commands");
  return compilations;
}

function includeFolder(path: string): string {
  if (path === join(root, "firmware/native")) return '"$kit/include"';
  const engine = /moddable\/xs\/(\w+)$/.exec(path);
  if (engine?.[1] !== undefined) return `"$xs/${engine[1]}"`;
  if (isAbsolute(path))
    throw new ToolError(`The engine is compiled with headers of ${path}, which the kit lacks`);
  return path;
}

const archiverProgram = (line = ""): string => /(\S*ar) qc libxs\.a/.exec(line)?.[1] ?? "ar";

function engineVersion(): string {
  const { name, version } = JSON.parse(readFileSync(join(enginePackage(), "package.json"), "utf8")) as {
    name: string;
    version: string;
  };
  return `${name} ${version}`;
}

function writeScript(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

const relinkScript = (words: readonly string[], preloads: boolean): string => `#!/bin/sh
# Links the image anew from the objects in this folder. Writes "firmware" beside this script.
set -e
cd "$(dirname "$0")"
${words.join(" ")}
${preloads ? `./${preloadProgram} firmware\n` : ""}`;

const engineScript = (
  compilations: ReadonlyMap<string, readonly string[]>,
  archiver: string,
): string => `#!/bin/sh
# Compiles the XS engine from its sources and replaces libxs.a.
# usage: build-engine.sh FOLDER   (the folder that holds XS's includes, platforms and sources)
set -e
[ -d "$1/sources" ] || { echo "usage: $0 FOLDER, with XS's includes, platforms and sources" >&2; exit 2; }
xs=$(cd "$1" && pwd)
kit=$(cd "$(dirname "$0")" && pwd)
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for member in $(${archiver} t "$kit/libxs.a"); do
  source=\${member%.o*}
  source=\${source%.c}.c
  case $member in
${[...compilations]
  .map(
    ([command, members]) =>
      `  ${members.join("|")})\n    ${command} -o "$objects/$member" -c "$xs/sources/$source" ;;`,
  )
  .join("\n")}
  esac
done
rm "$kit/libxs.a"
cd "$objects"
${archiver} qcs "$kit/libxs.a" *
`;

const readme = (
  board: Board,
  version: string,
  preloads: boolean,
): string => `# Relinking the firmware for ${board.name}

The image contains the XS engine, which is under the GNU Lesser General Public License, version 3. With this folder
you can put a modified engine into it:

1. Get the engine's sources: npm package ${version}, folder \`moddable/xs\`
   (\`npm pack ${version.replace(" ", "@")}\`). Change what you like.
2. \`./build-engine.sh FOLDER\` compiles them with the options of the original and replaces \`libxs.a\`.
3. \`./relink.sh\` links \`firmware\`. With the original \`libxs.a\` it is, byte for byte, the image that was shipped.
${
  preloads
    ? `   It runs the image once in QEMU (\`qemu-system-arm\`), because the built-in objects of the engine and the firmware's
   evaluated module are part of the image: \`preload.sh\` puts them there.
`
    : ""
}
| here | what it is |
|---|---|
| objects/ | everything of the image that is not the engine, compiled |
| libxs.a | the engine as it was shipped |
| firmware.xsb | the firmware's bytecode; it is inside one of the objects already |
| include/ | the headers that the engine is compiled with |
${preloads ? `| ${preloadProgram} | evaluates the firmware in QEMU and puts the result into the image |\n` : ""}`;
