/** Reads that throw, whose results nobody uses. */
export {};

type Any = { x: { y: number } };
const nothing = undefined as unknown as Any;
const empty = {} as Any;
const attempts: [string, () => void][] = [
  ["property of undefined", () => void nothing.x],
  [
    "property of undefined as a statement",
    () => {
      nothing.x;
    },
  ],
  [
    "property of a missing property",
    () => {
      empty.x.y;
    },
  ],
  [
    "destructuring undefined",
    () => {
      const { x } = nothing;
      void x;
    },
  ],
  [
    "destructuring what is not iterable",
    () => {
      const [first] = empty as unknown as number[];
      void first;
    },
  ],
  [
    "spread of what is not iterable",
    () => {
      const copy = [...(empty as unknown as number[])];
      void copy;
    },
  ],
  [
    "in on a number",
    () => {
      "x" in (5 as unknown as object);
    },
  ],
  [
    "instanceof of what is not a class",
    () => {
      empty instanceof (5 as unknown as typeof Object);
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
