/** The folders in build/ that images are built in: each has the images of one board, one manifest and one kind of keys. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ToolError } from "../events.ts";
import { buildRoot, displayPath } from "../paths.ts";
import { writeIfChanged } from "./fingerprint.ts";
import type { Manifest } from "./manifest.ts";

/** How folders end that have no images for development; several follow each other in this order. */
export const folderEndings = { release: "-release", trust: "-trust", sanitize: "-sanitize" } as const;

/** Why the folder of a board or a manifest of that name would be taken for one of another kind, for the end of a sentence. */
export function whyReserved(name: string): string | undefined {
  const ending = Object.values(folderEndings).find((each) => `-${name}`.endsWith(each));
  return ending && `folders in build/ whose names end in "${ending}" have other images`;
}

/** The board that a folder of build/ is for: others have its manifest, its keys or a sanitizer in their names, too. */
export const boardOf = (folder: string, boards: readonly string[]): string | undefined =>
  boards
    .filter((name) => folder === name || folder.startsWith(`${name}-`))
    .sort((one, other) => other.length - one.length)[0];

/**
 * Where images of a board with a manifest go, without an ending.
 * @param manifest its name; undefined for that of images when none is named
 * @param boards the names of all
 * @throws ToolError where the name of another board says the same
 */
export function outputFolder(board: string, manifest: string | undefined, boards: readonly string[]): string {
  const folder = manifest === undefined ? board : `${board}-${manifest}`;
  const owner = boardOf(folder, boards);
  if (owner !== undefined && owner !== board)
    throw new ToolError(
      `build/${folder} is for the board ${owner}, and not for ${board} with the manifest ${manifest}: give the manifest's file another name.`,
    );
  return join(buildRoot, folder);
}

/**
 * Notes which manifest a folder is for; whoever builds there does it first.
 * @throws ToolError when that is another one of the same name, which is there still
 */
export function claimFolder(folder: string, { file }: Pick<Manifest, "file">): void {
  const note = join(folder, "manifest.path");
  const noted = existsSync(note) ? resolve(folder, readFileSync(note, "utf8").trim()) : file;
  const own = realpathSync(file);
  if (existsSync(noted) && realpathSync(noted) !== own)
    throw new ToolError(
      `${displayPath(folder)} is for ${displayPath(noted)}, and ${displayPath(file)} has the same name: give one of the two another.`,
    );
  writeIfChanged(note, `${relative(folder, own)}\n`);
}
