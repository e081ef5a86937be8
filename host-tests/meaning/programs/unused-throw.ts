/** An initialiser that throws, of a variable that nothing uses. */
export {};

console.log("before");
const unused = new Uint8Array(-1);
console.log("after");
