export { unused } from "./unused.js";
export { used } from "./used.js";
