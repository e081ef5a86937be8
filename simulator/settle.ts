/** How to wait until no promise job is left: the engine's next turn comes after all of them. */

interface Turns {
  setImmediate?(callback: () => void): unknown;
  setTimeout?(callback: () => void, delayMs: number): unknown;
}

/** Resolves in a later turn of the engine's event loop, when every promise job has run. */
export function settle(): Promise<void> {
  const turns = globalThis as Turns;
  return new Promise((resolve) => {
    if (turns.setImmediate) turns.setImmediate(resolve);
    else if (turns.setTimeout) turns.setTimeout(resolve, 0);
    else throw new Error("this engine has no timers: give VirtualClock a way to settle");
  });
}
