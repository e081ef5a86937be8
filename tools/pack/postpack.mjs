/** Run by npm after it packed: takes away what prepack.mjs made. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../installation.mjs";
import { packedOnly } from "./prepack.mjs";

for (const path of packedOnly) rmSync(join(root, path), { recursive: true, force: true });
