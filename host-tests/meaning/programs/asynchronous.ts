/** The order of promise jobs, timers, for await, using. */
export {};

const log: string[] = [];
setTimeout(() => log.push("timer"), 0);
Promise.resolve().then(() => log.push("job"));
queueMicrotaskLike(() => log.push("second job"));
log.push("now");
await null;
log.push("after await");

function queueMicrotaskLike(job: () => void): void {
  void Promise.resolve().then(job);
}
async function fails(): Promise<never> {
  await null;
  throw new RangeError("late");
}
try {
  await fails();
} catch (error) {
  log.push((error as Error).name);
}
async function* count(): AsyncGenerator<number> {
  try {
    for (let n = 1; ; n++) yield n;
  } finally {
    log.push("closed");
  }
}
for await (const n of count()) {
  log.push(`n ${n}`);
  if (n === 2) break;
}
for await (const value of [Promise.resolve("a"), "b"]) log.push(value);
{
  using outer = { [Symbol.dispose]: () => log.push("dispose outer") };
  await using inner = {
    async [Symbol.asyncDispose]() {
      await null;
      log.push("dispose inner");
    },
  };
  void [outer, inner];
  log.push("in the block");
}
const settled = await Promise.allSettled([fails(), Promise.resolve(1)]);
log.push(settled.map(({ status }) => status).join(" "));
await new Promise((resolve) => setTimeout(resolve, 2));
console.log(log.join("\n"));
