export { effect } from "./effect.js";
export { plain } from "./plain.js";
