/** `obscura init`: a folder with a new application, which builds and runs after `npm install`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Operation, step, ToolError } from "../events.ts";
import { readInputIfThere, TEXT_BYTES_MAX } from "../input-file.ts";
import { dependencies, name as packageName } from "../installation.mjs";
import { whyNot } from "../whole-file.ts";
import { originFor } from "./origin.ts";

/** What may be there already: what npm, git and a build put into a folder that is otherwise empty. */
const tolerated = [".git", "build", "node_modules", "package-lock.json", "package.json"];

/**
 * Makes the folder and its files; completes a package.json that is there.
 * @param where path of a folder that does not exist, or holds nothing but what npm and git put there
 * @throws StepFailed after the failure was reported; nothing was written then.
 */
export async function* initialise(where: string): Operation {
  const folder = resolve(where);
  yield* step("init", "New application", async () => {
    refuseToOverwrite(folder);
    const manifest = readManifest(join(folder, "package.json"));
    const files = templateFiles(folder);
    const written: string[] = [];
    try {
      makeFolder(folder);
      for (const [file, text] of Object.entries(files)) {
        writeFileSync(join(folder, file), text, { flag: "wx" });
        written.push(join(folder, file));
      }
      writeFileSync(join(folder, "package.json"), json(completed(manifest, folder)));
    } catch (error) {
      for (const file of written) rmSync(file);
      throw new ToolError(whyNot(error));
    }
    return { value: undefined, detail: `${where}: ${[...Object.keys(files), "package.json"].join(", ")}` };
  });
  const there = folder === process.cwd() ? "" : `cd ${quoted(where)} && `;
  yield { type: "info", message: `Try it: ${there}npm install && npm start` };
}

/** As mkdirSync with `recursive`, which never ends where the system says of a new folder that its parent is missing: /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

function refuseToOverwrite(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new ToolError(`${folder} exists and is not a folder`);
  const others = readdirSync(folder).filter((name) => !tolerated.includes(name));
  if (others.length > 0) {
    throw new ToolError(`${folder} is not empty: it has ${others.join(", ")}; nothing was written`);
  }
}

/** A package.json, as far as it matters here; the rest is kept. */
interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function readManifest(file: string): Manifest | undefined {
  const text = readInputIfThere(file, { what: "package.json", bytesMax: TEXT_BYTES_MAX });
  if (!text) return undefined;
  try {
    return JSON.parse(text.toString("utf8")) as Manifest;
  } catch (error) {
    throw new ToolError(`${file} is not JSON: ${(error as Error).message}; nothing was written`);
  }
}

/** Adds what an application needs; what is there already stays as it is. */
function completed(manifest: Manifest | undefined, folder: string): Manifest {
  const before: Manifest = manifest ?? { name: npmName(basename(folder)), private: true };
  const has = { ...before.dependencies, ...before.devDependencies };
  const needed = { [packageName]: originFor(folder), typescript: dependencies.typescript! };
  const missing = Object.entries(needed).filter(([name]) => has[name] === undefined);
  const scripts = { start: "obscura run .", build: "obscura build .", check: "tsc" };
  return {
    ...before,
    type: before.type ?? "module",
    scripts: { ...scripts, ...before.scripts },
    ...(missing.length > 0 && {
      devDependencies: { ...before.devDependencies, ...Object.fromEntries(missing) },
    }),
  };
}

function templateFiles(folder: string): Record<string, string> {
  const name = npmName(basename(folder));
  return {
    "main.ts": readFileSync(new URL("template/main.ts", import.meta.url), "utf8"),
    "tsconfig.json": json({
      extends: `${packageName}/tsconfig.application.json`,
      include: ["**/*.ts"],
      exclude: ["build", "node_modules"],
    }),
    ".gitignore": "/build/\n/node_modules/\n",
    "README.md": `# ${name}

An application for Obscura cameras. \`main.ts\` is where it starts; it may import \`aioble\`, \`bluetooth\`, \`camera\`, its own
files, and npm packages that need nothing of Node.

    npm install
    npm start                           # on this computer, with a virtual phone as the central
    npm start -- --board mps2-an500     # the same on an emulated Cortex-M7
    npm run build -- --board BOARD      # an image and this application's bytecode
    npm run check                       # the types, as an editor shows them
    npx --no obscura help               # what else there is

\`package.json\` says where Obscura comes from: change the \`file:\` there when one of the two folders moves. \`--no\` keeps npx
from fetching a package of another author that is called obscura.
`,
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A path as a shell takes it. */
const quoted = (path: string): string =>
  /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** What npm takes as a package's name. */
function npmName(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
  return plain.replace(/^-+|-+$/g, "") || "application";
}
