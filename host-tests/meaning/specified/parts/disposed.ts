/** A module whose resource ends with it, before the module that imports it begins. */
export const fromPart = { isDisposed: false };

await using _resource = {
  async [Symbol.asyncDispose]() {
    await undefined;
    fromPart.isDisposed = true;
  },
};
console.log(`in the part: ${fromPart.isDisposed}`);
