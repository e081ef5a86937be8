/** Starts `obscura` as a person does, and watches what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../../tools/paths.ts";

/** A running `obscura`. */
export interface Session {
  readonly child: ChildProcess;
  /** Standard output and standard error so far. */
  output(): string;
  /** Settles with the exit status. */
  readonly ended: Promise<number | null>;
  /** Settles when the output matches. Rejects when the session ends before. */
  saw(pattern: RegExp): Promise<RegExpExecArray>;
}

/** @param args the command first */
export function obscura(...args: string[]): Session {
  const child = spawn(process.execPath, [join(root, "tools/obscura.mjs"), ...args], { cwd: root });
  let output = "";
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const watch of [...watchers]) watch();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    child,
    output: () => output,
    ended,
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = () => {
          const match = pattern.exec(output);
          if (match !== null) resolve(match);
        };
        watchers.add(watch);
        watch();
        void ended.then(() => reject(new Error(`the session ended without ${pattern}:\n${output}`)));
      }),
  };
}
