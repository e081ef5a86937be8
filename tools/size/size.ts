/** `npm run size`: where flash, RAM and bytecode go. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "../build/build.ts";
import { DEFAULT_MANIFEST } from "../build/manifest.ts";
import { type Operation, step } from "../events.ts";
import { bytecodeSizes } from "./bytecode.ts";
import { readSections } from "./elf.ts";
import { readMap } from "./map.ts";
import { type Sizes, sizesOf } from "./modules.ts";

/** The example whose build brings the firmware; it is in no figure. */
const EXAMPLE = "environment-sensor";

/** What `--json` prints. */
export interface SizeReport {
  readonly board: string;
  /** Name of the image's manifest. */
  readonly manifest: string;
  /** The image without the application; initialised data counts here and in RAM. */
  readonly flash: Sizes;
  /** What the linker placed in RAM. What malloc takes comes on top: see ramBytes of `npm run bench`. */
  readonly ram: Sizes;
  /** The firmware's bytecode, which is in flash, by TypeScript module (an estimate, see bytecode.ts). */
  readonly bytecode: Sizes;
}

/** Builds a board's image and takes it apart. */
export async function* size(boardName: string, manifest: string = DEFAULT_MANIFEST): Operation<SizeReport> {
  const { board, image, firmware } = yield* build({ application: EXAMPLE, board: boardName, manifest });
  return yield* step("size", "Sizes", async () => {
    const sections = readSections(image);
    const pieces = readMap(readFileSync(join(dirname(image), "firmware.map"), "utf8"));
    const value: SizeReport = {
      board: board.name,
      manifest: board.manifest.name,
      flash: sizesOf(sections, pieces, ({ stored }) => stored),
      ram: sizesOf(sections, pieces, ({ allocated, writable }) => allocated && writable),
      bytecode: await bytecodeSizes(board.manifest, firmware),
    };
    return { value };
  });
}
