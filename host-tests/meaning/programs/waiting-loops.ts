/** Loops that only wait. */
export {};

const start = Date.now();
const end = start + 5;
while (Date.now() < end) {}
console.log(`while: ${Date.now() >= end}`);

const second = Date.now() + 3;
do {} while (Date.now() < second);
console.log(`do: ${Date.now() >= second}`);

const third = Date.now() + 3;
for (; Date.now() < third; );
console.log(`for: ${Date.now() >= third}`);

function pause(ms: number): void {
  const until = Date.now() + ms;
  while (Date.now() < until) {
    // Nothing to do.
  }
}
const before = Date.now();
pause(4);
console.log(`in a function: ${Date.now() - before >= 4}`);
