/** npm packages of every make. On a camera, `process.env.NODE_ENV` is "production". */
// @ts-nocheck: the packages have no types.
import double from "function-export";
import old, { join, version } from "old-style";
import { plain } from "one-effect";
import { used } from "side-effect-free";
import { wait } from "waits";

console.log(`${double(21)} ${double.half(4)}`);
console.log(`${version} ${old.join("a", "b")} ${join("c")} ${old.count} ${old.re_circular()} ${old.mode}`);
console.log(`${old.hasBuffer}`);
const start = Date.now();
wait(3);
console.log(`${used(3)} ${Date.now() - start >= 6}`);
console.log(`${plain} ${globalThis.oneEffect}`);
