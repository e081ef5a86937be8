/** Where a new application gets Obscura from: the place that this one came from. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { isPackage, name, root } from "../installation.mjs";

interface Project {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * What stands behind our name among the dependencies of an application in `folder`: the clone, the file that npm
 * installed us from, or the version that it was asked for.
 */
export function originFor(folder: string): string {
  const project = projectOfPackage();
  const asked = project?.asked;
  if (project === undefined || asked === undefined) return fileFrom(folder, root);
  return asked.startsWith("file:")
    ? fileFrom(folder, resolve(project.folder, asked.slice("file:".length)))
    : asked;
}

/** The project whose node_modules we are in, and what it asked for; undefined for a clone. */
function projectOfPackage(): { folder: string; asked: string | undefined } | undefined {
  const end = root.indexOf(`${sep}node_modules${sep}`);
  if (!isPackage || end < 0) return undefined;
  const folder = root.slice(0, end);
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest)) return undefined;
  const { dependencies, devDependencies } = JSON.parse(readFileSync(manifest, "utf8")) as Project;
  return { folder, asked: dependencies?.[name] ?? devDependencies?.[name] };
}

const fileFrom = (folder: string, target: string): string =>
  `file:${relative(realFolder(folder), target).split(sep).join("/")}`;

/** Without symbolic links: npm follows them before it goes up by "..". The folder need not exist yet. */
function realFolder(folder: string): string {
  return existsSync(folder) ? realpathSync(folder) : join(realFolder(dirname(folder)), basename(folder));
}
