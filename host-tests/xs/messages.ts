/** What the tests' process says on its console: each message one line of JSON at level "info". */
export type Message =
  /** A test begins. A process that ends without its `end` died in it. */
  | { readonly begin: readonly string[] }
  /** A test has ended; `failure` says why it failed. */
  | { readonly end: readonly string[]; readonly failure?: string }
  /** All tests have run. */
  | { readonly total: number };
