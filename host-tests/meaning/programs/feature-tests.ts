/** try and catch around what may not be there: both ways must stay. */
export {};

function has(test: () => void): boolean {
  try {
    test();
    return true;
  } catch {
    return false;
  }
}

console.log(`look behind: ${has(() => void new RegExp("(?<=a)b"))}`);
console.log(`an invalid expression: ${has(() => void new RegExp("(?<"))}`);
console.log(`big integers: ${has(() => void BigInt(1))}`);

let canThrow = "no";
try {
  new Uint8Array(-1);
} catch {
  canThrow = "yes";
}
console.log(`negative lengths throw: ${canThrow}`);

let frozen = "loose";
try {
  Object.freeze(new Uint8Array(1));
} catch {
  frozen = "strict";
}
console.log(frozen);

declare const notThereAtAll: unknown;
let missing = "there";
try {
  notThereAtAll;
} catch {
  missing = "not there";
}
console.log(`${missing} ${typeof notThereAtAll}`);

let nested = "";
try {
  try {
    (undefined as unknown as () => void)();
  } finally {
    nested += "finally ";
  }
} catch (error) {
  nested += (error as Error).name;
}
console.log(nested);
console.log(typeof (globalThis as Record<string, unknown>).notThere);
