/** A program that fails when its module is evaluated says so. */
export {};

const configuration = undefined as unknown as { name: string };
console.log("before");
configuration.name;
console.log("after");
