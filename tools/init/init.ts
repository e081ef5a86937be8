/** `obscura init`: a folder with a new application, which builds and runs as it is. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { type Operation, step, ToolError } from "../events.ts";
import { root } from "../paths.ts";

/**
 * Makes the folder and its files.
 * @param where path of a folder that does not exist, or is empty
 * @throws StepFailed after the failure was told: something is there already.
 */
export async function* initialise(where: string): Operation {
  const folder = resolve(where);
  yield* step("init", "New application", async () => {
    refuseToOverwrite(folder);
    const files = templateFiles(folder);
    try {
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(folder, name), text, { flag: "wx" });
      }
    } catch (error) {
      throw new ToolError((error as Error).message);
    }
    return { value: undefined, detail: `${where}: ${Object.keys(files).join(", ")}` };
  });
  yield { type: "info", message: `Try it: cd ${where} && npm start` };
}

function refuseToOverwrite(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new ToolError(`${folder} exists and is no folder`);
  if (readdirSync(folder).length > 0) {
    throw new ToolError(`${folder} exists and is not empty; nothing was written`);
  }
}

function templateFiles(folder: string): Record<string, string> {
  const clone = relative(folder, root).split(sep).join("/");
  const tool = `node "${clone}/tools/obscura.mjs"`.replaceAll("//", "/");
  const name = packageName(basename(folder));
  return {
    "main.ts": readFileSync(new URL("template/main.ts", import.meta.url), "utf8"),
    "package.json": json({
      name,
      private: true,
      type: "module",
      scripts: { start: `${tool} run .`, build: `${tool} build .` },
    }),
    "tsconfig.json": json({
      extends: join(clone, "tsconfig.firmware.json"),
      files: ["globals.d.ts", "language.d.ts"].map((file) => join(clone, "firmware/platform", file)),
      include: ["**/*.ts"],
      exclude: ["node_modules"],
    }),
    "README.md": `# ${name}

An application for Obscura cameras. \`main.ts\` is where it starts; it may import \`aioble\`, \`bluetooth\`, \`camera\`, its own
files, and npm packages that need nothing of Node.

    npm start                           # on this computer, visited by a virtual phone
    npm start -- --board mps2-an500     # the same on an emulated Cortex-M7
    npm run build -- --board BOARD      # an image and this application's bytecode

\`package.json\` and \`tsconfig.json\` point at the clone of Obscura that made this folder; change the path in both when one
of the two moves.
`,
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What npm takes as a package's name. */
function packageName(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
  return plain.replace(/^-+|-+$/g, "") || "application";
}
