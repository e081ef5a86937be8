/** What a task gives as text, or the name of the error that it ends with. */
export function attempt(task: () => unknown): string {
  try {
    return String(task());
  } catch (error) {
    return (error as Error).name;
  }
}
