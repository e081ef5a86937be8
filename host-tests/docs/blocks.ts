/** The code blocks of the documents. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/paths.ts";

/** A fenced block. */
export interface Block {
  /** The page, from the root of the repository. */
  readonly page: string;
  /** What stands behind the fence: `ts`, `text`, or `ts run NAME` for an application that a test runs. */
  readonly info: string;
  readonly code: string;
}

/** README.md and everything in docs/. */
export function pages(): string[] {
  const documents = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name))
    .sort();
  return ["README.md", ...documents];
}

export function readPage(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** The blocks of one page, in order. */
export function blocksOf(page: string, text: string = readPage(page)): Block[] {
  return [...text.matchAll(/^```([^\n`]*)\n(.*?)^```$/gms)].map(([, info, code]) => ({
    page,
    info: info!.trim(),
    code: code!,
  }));
}

/**
 * What TypeScript there is to compile: each block, and with it those that go on from it ("ts continued" behind the
 * fence).
 */
export function typescriptBlocks(): Block[] {
  const found: Block[] = [];
  for (const block of pages().flatMap((page) => blocksOf(page))) {
    const [language, kind] = block.info.split(" ");
    if (language !== "ts") continue;
    const before = kind === "continued" ? found.pop() : undefined;
    found.push(before ? { ...before, code: `${before.code}\n${block.code}` } : block);
  }
  return found;
}

/** An application in a document, and what the document says that comes of it. */
export interface RunnableBlock {
  readonly page: string;
  readonly name: string;
  readonly code: string;
  /** The `phone` block that may follow it: what the phone does. */
  readonly script: string | undefined;
  /** The lines of the `text` block behind that. */
  readonly result: readonly string[];
}

/** @throws Error for one without a result below it. */
export function runnableBlocks(): RunnableBlock[] {
  return pages().flatMap((page) => {
    const blocks = blocksOf(page);
    return blocks.flatMap(({ info, code }, index) => {
      const name = /^ts run (\S+)$/.exec(info)?.[1];
      if (name === undefined) return [];
      const script = blocks[index + 1]?.info === "phone" ? blocks[index + 1]!.code : undefined;
      const next = blocks[index + (script === undefined ? 1 : 2)];
      if (next?.info !== "text") throw new Error(`${page}: no text block below the application "${name}"`);
      return [{ page, name, code, script, result: next.code.trimEnd().split("\n") }];
    });
  });
}
