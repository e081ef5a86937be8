/** `describe` and `it` on XS: collects what test files declare while they are evaluated; `runTests` runs it. */

/** What tests use of mocha's `this`. */
interface Context {
  timeout(ms: number): void;
}

/** One test, as it was declared. */
export interface DeclaredTest {
  /** Titles from the outermost `describe` to the test's own. */
  readonly path: readonly string[];
  readonly work: () => unknown;
}

// The process that runs the tests sets the only limit of time.
const context: Context = { timeout() {} };

const open: string[] = [];

/** The tests of the bundle, in the order in which they run. */
export const declared: DeclaredTest[] = [];

export function describe(title: string, body: (this: Context) => void): void {
  open.push(title);
  body.call(context);
  open.pop();
}

export function it(title: string, work: (this: Context) => unknown): void {
  declared.push({ path: [...open, title], work: work.bind(context) });
}
