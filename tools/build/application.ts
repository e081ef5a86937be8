/** Applications: a folder with a main.ts, anywhere by its path, or in examples/ by its name. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { UsageError } from "../events.ts";
import { root } from "../paths.ts";

/** An application to build. */
export interface Application {
  /** That of its folder; outside examples/ with a digest of the path, for two folders may have one name. */
  readonly name: string;
  /** Its entry, an absolute path. */
  readonly entry: string;
}

/** What `sign` and `deploy` take: TypeScript, bytecode of `build`'s (.xsb), or what is signed (.bin). */
export type ApplicationKind = "source" | "bytecode" | "signed";

/** A folder is an application, whatever its name ends in. */
export function applicationKind(which: string): ApplicationKind {
  const isFolder = existsSync(which) && statSync(which).isDirectory();
  if (!isFolder && which.endsWith(".xsb")) return "bytecode";
  return !isFolder && which.endsWith(".bin") ? "signed" : "source";
}

const examples = join(root, "examples");

/** Names of the applications in examples/. */
export function listExamples(): string[] {
  return readdirSync(examples)
    .filter((name) => existsSync(join(examples, name, "main.ts")))
    .sort();
}

/**
 * What is at the path wins over the example of that name; `./mailbox` is a path and no name.
 * @param which path of a folder with a main.ts, or of a TypeScript file, or name of an example
 * @throws UsageError, with the examples that there are.
 */
export function findApplication(which: string): Application {
  const isName = !which.includes("/") && which !== "." && which !== "..";
  for (const path of [resolve(which), ...(isName ? [join(examples, which)] : [])]) {
    if (!existsSync(path)) continue;
    if (statSync(path).isFile() && path.endsWith(".ts")) {
      const [name, folder] = [basename(path, ".ts"), basename(dirname(path))];
      // In examples/ others have files of that name too.
      const own = dirname(dirname(path)) === examples ? `${folder}-${name}` : name;
      return application(name === "main" ? folder : own, path);
    }
    const entry = join(path, "main.ts");
    if (existsSync(entry)) return application(basename(path), entry);
  }
  throw new UsageError(
    `There is no application "${which}". Give the path of a folder with a main.ts, or one of the examples: ${listExamples().join(", ")}.`,
  );
}

function application(name: string, entry: string): Application {
  if (entry.startsWith(examples + sep)) return { name, entry };
  return { name: `${name}-${createHash("sha256").update(entry).digest("hex").slice(0, 8)}`, entry };
}
