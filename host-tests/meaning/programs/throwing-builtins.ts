/** Calls and operators of the language that throw, whose results nobody uses. */
export {};

const minusOne = -1;
const half = 0.5;
const attempts: [string, () => void][] = [
  ["new Array", () => void new Array(minusOne)],
  [
    "new Uint8Array",
    () => {
      new Uint8Array(minusOne);
    },
  ],
  [
    "new ArrayBuffer",
    () => {
      new ArrayBuffer(minusOne);
    },
  ],
  [
    "new DataView",
    () => {
      new DataView(new ArrayBuffer(1), 2);
    },
  ],
  [
    "new RegExp",
    () => {
      new RegExp("(");
    },
  ],
  [
    "new WeakSet",
    () => {
      new WeakSet([1 as unknown as object]);
    },
  ],
  [
    "new Map of what is not iterable",
    () => {
      new Map(5 as unknown as []);
    },
  ],
  [
    "new Promise without a function",
    () => {
      new Promise(5 as never);
    },
  ],
  [
    "new of what is not a constructor",
    () => {
      new (Math.max as never as typeof Object)();
    },
  ],
  [
    "BigInt of a fraction",
    () => {
      BigInt(half);
    },
  ],
  [
    "Symbol as text",
    () => {
      `${Symbol() as never as string}`;
    },
  ],
  [
    "decodeURIComponent",
    () => {
      decodeURIComponent("%");
    },
  ],
  [
    "String.repeat",
    () => {
      "a".repeat(minusOne);
    },
  ],
  [
    "String.fromCodePoint",
    () => {
      String.fromCodePoint(minusOne);
    },
  ],
  [
    "Number.toFixed",
    () => {
      half.toFixed(minusOne);
    },
  ],
  [
    "JSON.parse",
    () => {
      JSON.parse("{");
    },
  ],
  [
    "Object.create",
    () => {
      Object.create(5 as never);
    },
  ],
  [
    "Object.fromEntries",
    () => {
      Object.fromEntries(5 as never);
    },
  ],
  [
    "Array.from",
    () => {
      Array.from(null as never);
    },
  ],
  [
    "big integer and number",
    () => {
      const sum = (1n as never as number) + half;
      void sum;
    },
  ],
  [
    "big integer by zero",
    () => {
      const zero = 0n;
      1n / zero;
    },
  ],
  [
    "unary plus of a big integer",
    () => {
      +(1n as never as number);
    },
  ],
];
for (const [what, attempt] of attempts) {
  try {
    attempt();
    console.log(`${what}: nothing thrown`);
  } catch (error) {
    console.log(`${what}: ${(error as Error).name}`);
  }
}
