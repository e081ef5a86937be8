/** What scenario files use to declare themselves: mocha on Node, a shim of the `tests` bundle on XS. */
export { describe, it } from "mocha";
