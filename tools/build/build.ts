/** `obscura build`: from TypeScript to an image and an application bundle for one board. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Operation, step, ToolError, UsageError } from "../events.ts";
import { lock, tryLock } from "../lock.mjs";
import { displayPath, root } from "../paths.ts";
import { signForDevelopment } from "../update/development.ts";
import { isDevelopmentKey, type PublicKey } from "../update/keys.ts";
import { readRootKey, readTrustedKeys, writeTrustedKeys } from "../update/trusted-keys.ts";
import { findApplication } from "./application.ts";
import { type Board, loadBoard } from "./boards.ts";
import { bundle } from "./bundle.ts";
import { buildCompiler, compile } from "./compiler.ts";
import { missingFeatures, missingImports } from "./features.ts";
import { writeIfChanged } from "./fingerprint.ts";
import { heapRequestKb } from "./heap-request.ts";
import { buildImage, kilobytes } from "./image.ts";
import type { BundleKind } from "./imports.ts";
import { firmwareBundle, type KeptBundle } from "./kept-bundle.ts";
import { type Compiled, inSources, writeImageMap, writeMap } from "./maps.ts";
import { claimFolder, folderEndings } from "./output-folder.ts";
import { makeRelinkingKit } from "./relink.ts";
import { checkEntry, checkFirmware } from "./typecheck.ts";

/** What to build. */
export interface BuildOptions {
  /** Name of an example, or path of an application. */
  readonly application: string;
  /** Name of a board. */
  readonly board: string;
  /** Path or name of the image's manifest; by default the one with everything. */
  readonly manifest?: string;
  /** Sanitizers for our C and the engine; the host board only. Goes to a folder of its own. */
  readonly sanitize?: boolean;
  /**
   * Files of the public keys whose bundles the image runs; by default the development key. An image with keys goes to the
   * folder of those for release, which ends in `-release`; with the development key among them, to one that ends in `-trust`.
   */
  readonly trust?: readonly string[];
  /** File of the public key that revokes those; none without. */
  readonly root?: string;
  /**
   * Refuses an image that trusts the development key; one without the feature `update` trusts none. Goes to the folder that ends
   * in `-release`.
   */
  readonly release?: boolean;
}

/** What was built; absolute paths. */
export interface Built {
  readonly board: Board;
  /** The native image with the firmware bundle in it. */
  readonly image: string;
  /** The application, signed with the development key: it runs where the image trusts that one. */
  readonly application: string;
  /** The application's .xsb, unsigned. */
  readonly bytecode: string;
  /** The firmware's .xsb. */
  readonly firmware: string;
}

/** @throws UsageError for an unknown board or application; StepFailed after a step's failure was reported. */
export async function* build({ application, ...options }: BuildOptions): Operation<Built> {
  const [built] = yield* buildAll([application], options);
  return built!;
}

/**
 * The keys that the image trusts. One without the feature `update` looks at no signature, and is fit for release as it is.
 * @throws UsageError for keys that such an image would not look at.
 */
function trustedKeysOf({ manifest }: Board, trust: readonly string[], release: boolean): PublicKey[] {
  if (manifest.features.includes("update")) return readTrustedKeys(trust, release);
  if (trust.length === 0) return [];
  throw new UsageError(
    `The manifest ${manifest.name} is without the feature "update": its image looks at no signature, so that --trust means nothing. Add "update" to its "features", or leave --trust out.`,
  );
}

/**
 * How the folder ends that an image with these keys goes to. What no other build may replace has one of its own: who fetches an image
 * for release finds that there and no other, and one that everybody can sign for among others is not one.
 */
export function folderEnding(
  keys: readonly PublicKey[],
  { sanitize = false, release = false }: Pick<BuildOptions, "release" | "sanitize">,
): string {
  const isForRelease = release || (keys.length > 0 && !keys.some(isDevelopmentKey));
  const isOpen = !isForRelease && keys.length > 0;
  const { release: forRelease, trust: open, sanitize: sanitized } = folderEndings;
  return `${isForRelease ? forRelease : ""}${isOpen ? open : ""}${sanitize ? sanitized : ""}`;
}

/**
 * Several applications for one board, in their order, with one image for all.
 * @throws as `build`.
 */
export async function* buildAll(
  names: readonly string[],
  options: Omit<BuildOptions, "application">,
): Operation<Built[]> {
  const { trust = [], root: rootFile, release = false, sanitize = false } = options;
  const board = loadBoard(options.board, options.manifest);
  const keys = trustedKeysOf(board, trust, release);
  if (release && !board.manifest.features.includes("update")) {
    const message = `The manifest ${board.manifest.name} is without the feature "update": this image looks at no signature, and runs what lies on its flash for the application. Who can write there can write the image too (docs/decisions/0009-update-feature.md).`;
    yield { type: "info", message };
  }
  const rootKey = rootFile === undefined ? undefined : readRootKey(rootFile, keys);
  const applications = names.map((which) => applicationFor(which, board));
  const folder = `${board.output}${folderEnding(keys, options)}`;
  return yield* alone(board, folder, async function* () {
    // First of all: what fails from here on leaves no image with other keys.
    const trusted = keys.length > 0 ? [`TRUSTED_KEYS=${writeTrustedKeys(keys, folder, rootKey)}`] : [];
    const { firmware, bundles } = yield* bytecodeOf(applications, board, folder);
    const image = yield* step("image", `Image for ${board.name}`, async (progress) => {
      const without = missingFeatures(board.manifest).join(";");
      const settings = [`WITHOUT=${without}`, ...(sanitize ? ["SANITIZE=ON"] : []), ...trusted];
      const built = await buildImage(board, { bundle: firmware.bytecode, folder, settings }, progress);
      await writeImageMap(built.image, firmware);
      const detail = `${displayPath(built.image)}, ${built.changed ? "linked" : "up to date"}`;
      return { value: built.image, detail };
    });
    yield* step("relink", "Relinking kit", async () => {
      const kit = await makeRelinkingKit(board, { folder, image, bundle: firmware.bytecode });
      return { value: undefined, detail: displayPath(kit) };
    });
    return bundles.map(({ bytecode }) => ({
      board,
      image,
      application: signForDevelopment(bytecode, board.name),
      bytecode,
      firmware: firmware.bytecode,
    }));
  });
}

/**
 * The bytecode of an application alone, with that of the firmware which it is compiled against: an image that was built before
 * stays as it is, for whatever keys it trusts.
 * @returns its .xsb file.
 * @throws as `build`.
 */
export async function* buildBytecode({
  application,
  ...which
}: Pick<BuildOptions, "application" | "board" | "manifest">): Operation<string> {
  const board = loadBoard(which.board, which.manifest);
  const source = applicationFor(application, board);
  return yield* alone(board, board.output, async function* () {
    const { bundles } = yield* bytecodeOf([source], board, board.output);
    return bundles[0]!.bytecode;
  });
}

/** An application's source, and what it asks for. */
interface Source {
  readonly name: string;
  readonly entry: string;
  /** KB of heap; 0 for none in particular. */
  readonly heapKb: number;
}

function applicationFor(which: string, board: Board): Source {
  const { name, entry } = findApplication(which);
  return { name, entry, heapKb: heapRequestKb(entry, board) };
}

/** Runs a build in a folder while no other does. */
async function* alone<T>(board: Board, folder: string, work: () => Operation<T>): Operation<T> {
  mkdirSync(folder, { recursive: true });
  const lockFile = join(folder, "build.lock");
  const unlock =
    tryLock(lockFile) ??
    (yield* step("wait", `Another build for ${board.name}`, async () => {
      return { value: await lock(lockFile), detail: "ended" };
    }));
  try {
    claimFolder(folder, board.manifest);
    return yield* work();
  } finally {
    unlock();
  }
}

async function* bytecodeOf(
  applications: readonly Source[],
  board: Board,
  folder: string,
): Operation<{ readonly firmware: Compiled; readonly bundles: readonly Compiled[] }> {
  yield* step("compiler", "Bytecode compiler", async (progress) => {
    const changed = await buildCompiler(progress);
    return { value: undefined, detail: changed ? "built" : "up to date" };
  });
  const firmware = yield* compiled(board, folder, "firmware", "firmware", board.manifest.firmware);
  const bundles: Compiled[] = [];
  for (const { name, entry, heapKb } of applications)
    bundles.push(yield* compiled(board, folder, "application", name, entry, firmware.bytecode, heapKb));
  return { firmware, bundles };
}

async function applicationBundle(entry: string): Promise<KeptBundle> {
  const { origins, ...made } = await bundle("application", entry);
  return { ...made, origins: async () => origins };
}

/** Bundles, checks and compiles one entry. */
async function* compiled(
  { manifest }: Board,
  folder: string,
  kind: BundleKind,
  name: string,
  entry: string,
  base?: string,
  heapKb?: number,
): Operation<Compiled> {
  const place = kind === "firmware" ? folder : join(folder, "applications");
  mkdirSync(place, { recursive: true });
  const script = join(place, `${name}.js`);
  const output = join(place, `${name}.xsb`);
  const made = yield* step(`bundle:${kind}`, `Bundle of the ${kind}`, async () => {
    const bundling = kind === "firmware" ? firmwareBundle(manifest) : applicationBundle(entry);
    const bundled = await bundling.catch(async (error: unknown) => {
      if (!(error instanceof SyntaxError)) throw error;
      // Of a regular expression, from Node: the type check knows where.
      await checkEntry(entry, place, name);
      throw new ToolError(`${displayPath(entry)} or what it imports: ${error.message}`);
    });
    if (kind === "firmware") await checkFirmware(entry, place, name);
    else await checkEntry(entry, place, name);
    const missing = missingImports(manifest, kind === "application" ? bundled.imports : new Map());
    if (missing.errors.length > 0) throw new ToolError(missing.errors.join("\n"));
    writeIfChanged(script, bundled.code);
    return {
      value: { ...bundled, warnings: [...bundled.warnings, ...missing.warnings] },
      detail: `${displayPath(entry)} and what it imports, ${bundled.inputs.length} files`,
    };
  });
  for (const message of made.warnings) yield { type: "warning", message };
  return yield* step(`bytecode:${kind}`, `Bytecode of the ${kind}`, async () => {
    await compile({
      kind,
      name: kind,
      input: script,
      output,
      ...(base === undefined ? {} : { base }),
      ...(heapKb === undefined ? {} : { heapKb }),
    }).catch(async (error: unknown) => {
      throw inSources(error, script, { origins: await made.origins() });
    });
    const sourceRoot = kind === "firmware" ? root : dirname(entry);
    const compiled = { bytecode: output, bundle: made, sourceRoot };
    await writeMap(compiled);
    return { value: compiled, detail: `${displayPath(output)}, ${kilobytes(output)}` };
  });
}
