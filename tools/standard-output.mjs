/** Whether what a tool shows has arrived. Plain JavaScript: set-up is watched, too. */

/**
 * Watches standard output, on a disk that is full for one, until the tool ends. A reader that has gone (`| head`) has seen what it wanted.
 * @returns {{ statusAfter(status: number): Promise<number> }} `statusAfter` waits until everything has been written; returns `status`,
 * or 1 behind a sentence on standard error where something was not
 */
export function watchOutput() {
  /** @type {NodeJS.ErrnoException | undefined} */
  let lost;
  process.stdout.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code !== "EPIPE") lost ??= error;
  });
  return {
    async statusAfter(status) {
      const { stdout } = process;
      if (stdout.writableLength > 0) await new Promise((resolve) => stdout.write("", resolve));
      // The error of a write is reported behind its callback.
      await new Promise((resolve) => setImmediate(resolve));
      if (!lost) return status;
      process.stderr.write(`obscura: ${sentence(lost)}\n`);
      return 1;
    },
  };
}

/** @param {NodeJS.ErrnoException} error */
function sentence({ code, message }) {
  const why = code === "ENOSPC" || code === "EDQUOT" ? "no space is left for it" : message;
  return `What this command shows could not be written, and is lost: ${why}.`;
}
