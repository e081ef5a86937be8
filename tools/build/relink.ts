/**
 * The relinking kit that the engine's licence asks for (docs/licence.md): everything that it takes to put a
 * modified XS engine into this image.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { quote, split } from "shlex";
import { ToolError } from "../events.ts";
import { buildRoot, enginePackage, root } from "../paths.ts";
import { mustRun } from "../process.ts";
import type { Board } from "./boards.ts";
import { fingerprint, unlessFresh } from "./fingerprint.ts";

/** Our headers that the engine's sources are compiled with. */
const platformHeaders = ["engine_compact.h", "engine_run.h", "xs_platform.h"];

/** Sources of the engine that are changed before they are compiled, each with its script for sed -E. */
const changes = {
  xsMemory: "engine_memory.sed",
  xsRun: "engine_run.sed",
  xsre: "engine_letters.sed",
} as const;

/** What the kit calls the board's program that puts the preloaded machine into a linked image (decision 3). */
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
  const digest = fingerprint([sources.image, fileURLToPath(import.meta.url)]);
  await unlessFresh(join(kit, "README.md"), join(sources.folder, "relink.stamp"), digest, () =>
    fillKit(kit, board, sources),
  );
  return kit;
}

/** A command of Ninja's, as its compilation database has it; paths may be relative to the build's folder. */
interface Command {
  readonly command: string;
  /** The first input. */
  readonly file: string;
  readonly output: string;
}

async function fillKit(kit: string, board: Board, { folder, bundle }: RelinkingSources): Promise<void> {
  rmSync(kit, { recursive: true, force: true });
  mkdirSync(join(kit, "include"), { recursive: true });
  const database = await mustRun("ninja", ["-C", folder, "-t", "compdb"], "Ninja lists no commands");
  // Ninja's own lines, such as that it enters a folder, come before.
  const commands = JSON.parse(database.slice(database.indexOf("[\n"))) as Command[];
  const sources = new Map(commands.map(({ output, file }) => [output, file]));
  const words = linkCommand(commands).map((word) => {
    const source = sources.get(word);
    if (source !== undefined && /\.o(bj)?$/.test(word)) {
      const path = objectPath(source, word);
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
  for (const script of Object.values(changes)) {
    copyFileSync(join(root, "firmware/native", script), join(kit, script));
  }
  copyFileSync(join(folder, "libxs.a"), join(kit, "libxs.a"));
  copyFileSync(bundle, join(kit, "firmware.xsb"));
  cpSync(join(root, "LICENSE"), join(kit, "LICENSE"));
  const preload = preloadCommand(commands);
  if (preload !== undefined) copyFileSync(preload.program, join(kit, preloadProgram));
  writeScript(join(kit, "relink.sh"), relinkScript(quoteAll(words), preload));
  writeScript(
    join(kit, "build-engine.sh"),
    engineScript(engineCompilations(commands), archiverProgram(commands)),
  );
  writeFileSync(join(kit, "README.md"), readme(board, engineVersion(), preload !== undefined));
}

const quoteAll = (words: readonly string[]): string => words.map(quote).join(" ");

/**
 * Where an object goes in the kit: after its source's place among ours. File names stay, because the linker writes some
 * of them into the image.
 */
function objectPath(source: string, object: string): string {
  const folder = [root, buildRoot].map((base) => relative(base, dirname(source))).find(isInside) ?? "";
  return join("objects", folder, basename(object));
}

const isInside = (path: string): boolean => !path.startsWith("..") && !isAbsolute(path);

/** What a board has run on the image that was linked. */
interface Preload {
  readonly program: string;
  /** Those before the image. */
  readonly args: readonly string[];
}

/** BOARD_PRELOAD with its arguments, where the board has one: the last program of the command that links the image. */
function preloadCommand(commands: readonly Command[]): Preload | undefined {
  const [program, ...args] = partsOf(commands.find(({ output }) => output === "firmware")).at(-1) ?? [];
  const image = args.pop();
  if (program === undefined || image === undefined || basename(image) !== "firmware") return undefined;
  return { program, args };
}

/** The words of the command that links the image, which the shell finds between others: `: && gcc … && :`. */
function linkCommand(commands: readonly Command[]): string[] {
  const found = commands.find(({ output }) => output === "firmware");
  const words = partsOf(found).find((part) => part.includes("-o"));
  if (words === undefined) throw new ToolError("The link command was not found among Ninja's commands");
  return words;
}

/** The programs that a command runs one after the other, each with its arguments. */
function partsOf({ command }: Pick<Command, "command"> = { command: "" }): string[][] {
  const parts: string[][] = [[]];
  for (const word of split(command)) {
    if (word === "&&") parts.push([]);
    else parts.at(-1)!.push(word);
  }
  return parts;
}

/**
 * How the sources of the engine were compiled: the compiler and its options, without input, output, dependencies; and
 * for each such command, which members of the library.
 */
function engineCompilations(commands: readonly Command[]): ReadonlyMap<string, readonly string[]> {
  const compilations = new Map<string, string[]>();
  for (const { command, file, output } of commands) {
    if (!/\/xs\/sources\/\w+\.c$|\bxs(Memory|Run)\.c$/.test(file)) continue;
    const words = engineOptions(split(command)).join(" ");
    compilations.set(words, [...(compilations.get(words) ?? []), basename(output)]);
  }
  if (compilations.size === 0)
    throw new ToolError("The engine's compilation was not found among Ninja's commands");
  return compilations;
}

/** Options that are of one source, with their values. */
const ownOptions: Readonly<Record<string, number>> = { "-MD": 1, "-MT": 2, "-MF": 2, "-o": 2, "-c": 2 };

/** The words for the kit's script, quoted; folders are the script's variables. */
function engineOptions(words: readonly string[]): string[] {
  const options: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const own = ownOptions[word];
    if (own !== undefined) at += own - 1;
    else if (word === "-include") options.push(word, `"$kit/include/${basename(words[++at]!)}"`);
    else if (word === "-isystem") options.push(word, includeFolder(words[++at]!));
    else if (word.startsWith("-I")) options.push(`-I${includeFolder(word.slice(2))}`);
    else options.push(quote(word));
  }
  return options;
}

function includeFolder(path: string): string {
  if (path === join(root, "firmware/native")) return '"$kit/include"';
  const engine = /moddable\/xs\/(\w+)$/.exec(path);
  if (engine?.[1] !== undefined) return `"$xs/${engine[1]}"`;
  throw new ToolError(`The engine is compiled with headers of ${path}, which the kit lacks`);
}

/** The program that makes libraries. */
function archiverProgram(commands: readonly Command[]): string {
  const library = commands.find(({ output }) => output === "libxs.a");
  return quote(partsOf(library).find((part) => part[1] === "qc")?.[0] ?? "ar");
}

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

const relinkScript = (link: string, preload: Preload | undefined): string => `#!/bin/sh
# Links the image anew from the objects in this folder. Writes "firmware" beside this script.
set -e
cd "$(dirname "$0")"
${link}
${preload ? `${quoteAll([`./${preloadProgram}`, ...preload.args, "firmware"])}\n` : ""}`;

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
changed=$(mktemp -d)
trap 'rm -rf "$objects" "$changed"' EXIT
${Object.entries(changes)
  .map(([name, script]) => `sed -E -f "$kit/${script}" "$xs/sources/${name}.c" > "$changed/${name}.c"`)
  .join("\n")}
for member in $(${archiver} t "$kit/libxs.a"); do
  source=\${member%.o*}
  source=$xs/sources/\${source%.c}.c
  [ ! -f "$changed/\${member%.o*}" ] || source=$changed/\${member%.o*}
  case $member in
${[...compilations]
  .map(
    ([command, members]) => `  ${members.join("|")})\n    ${command} -o "$objects/$member" -c "$source" ;;`,
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
| ${changes.xsRun} | the few declarations of \`xsRun.c\` that are changed before it is compiled; the headers say why |
| ${changes.xsMemory} | the three lines of \`xsMemory.c\` that are mended before it is compiled |
| ${changes.xsre} | the line of \`xsre.c\` that comes before it is compiled: fewer tables of letters |
${preloads ? `| ${preloadProgram} | evaluates the firmware in QEMU and puts the result into the image |\n` : ""}`;
