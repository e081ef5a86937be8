/** Runs one program of the corpus on Node and as an application on XS; what both print can be compared. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { bundle } from "../../tools/build/bundle.ts";
import { compile } from "../../tools/build/compiler.ts";
import { signForDevelopment } from "../../tools/update/development.ts";

/** The last line of a program that ended without an error. */
export const END = "(end)";

/** The line for an error that ended a program: messages are the engine's own, names are the language's. */
const ended = (name: string): string => `(ended by ${name})`;

/** What a program prints on Node, in this process: a module is evaluated once, so a program runs once. */
export async function runOnNode(program: string): Promise<string[]> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (text: string) => lines.push(...text.split("\n"));
  try {
    await import(pathToFileURL(program).href);
    lines.push(END);
  } catch (error) {
    lines.push(ended((error as Error).name));
  } finally {
    console.log = log;
  }
  return lines;
}

/** What a program is on XS. */
export interface Camera {
  /** An image of the host board, and the firmware's .xsb. */
  readonly image: string;
  readonly firmware: string;
  /** Where bundles may be written. */
  readonly folder: string;
}

/** Builds a program as an application; returns it signed. */
export async function buildProgram(
  { firmware, folder }: Camera,
  name: string,
  program: string,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, `${name}.entry.ts`);
  writeFileSync(entry, `import ${JSON.stringify(program)};\nconsole.log("${END}");\n`);
  const input = join(folder, `${name}.js`);
  const output = join(folder, `${name}.xsb`);
  writeFileSync(input, (await bundle("application", entry)).code);
  await compile({ kind: "application", name: "application", input, output, base: firmware });
  return signForDevelopment(output, "host");
}

/** What a program prints on XS. */
export function runOnXs(
  { image }: Camera,
  application: string,
  options: readonly string[] = [],
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const args = ["--app", application, "--max-resets", "0", ...options];
    const child = spawn(image, args, { stdio: ["ignore", "ignore", "pipe"] });
    const lines: string[] = [];
    let said = "";
    createInterface({ input: child.stderr }).on("line", (line) => {
      said += `${line}\n`;
      const [, level, text] = /^(\w+):(.*)$/.exec(line) ?? [];
      const failure = /^ The application failed: (\w+)/.exec(text ?? "")?.[1];
      if (failure !== undefined) lines.push(ended(failure));
      // The camera's own line at its start.
      else if (level === "info" && text !== " Records: nothing was ever kept, starting empty") {
        lines.push(text!.slice(1));
      }
      if (text === ` ${END}`) child.kill();
    });
    child.on("error", reject);
    child.on("close", () =>
      lines.length === 0 ? reject(new Error(`It printed nothing:\n${said}`)) : resolve(lines),
    );
  });
}
