import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Budget, ITEM_OVERHEAD, unboundedAccount } from "../../../firmware/ble/budget.ts";

function setUp(size: number) {
  const log: string[] = [];
  const budget = new Budget(size, { log: (level, message) => log.push(`${level}: ${message}`) });
  /** Takes items of so many bytes, overhead included, until one is refused. Returns how many were taken. */
  const fill = (account: ReturnType<Budget["account"]>, bytes: number): number => {
    let count = 0;
    while (account.take(bytes - ITEM_OVERHEAD)) count++;
    return count;
  };
  return { budget, log, fill };
}

describe("the budget of what peers make the host keep", () => {
  it("guarantees each place its part, whatever the others keep, and never keeps more than there is", () => {
    for (const order of [
      [0, 1, 2],
      [2, 2, 1, 1, 0],
    ]) {
      const { budget, fill } = setUp(80_000);
      const hogs = [budget.account(0), budget.account(1), budget.account(2)];
      for (const index of order) fill(hogs[index]!, 500);
      const honest = budget.account(99);
      assert.ok(fill(honest, 500) * 500 >= 10_000);
      assert.ok(budget.held <= budget.size);
      for (const { held } of hogs) assert.ok(held >= 10_000);
    }
  });

  it("lets a link alone have its part and most of what belongs to nobody", () => {
    const { budget, fill } = setUp(80_000);
    assert.equal(fill(budget.account(1), 500), Math.floor((10_000 + (40_000 * 2) / 3) / 500));
  });

  it("divides among as many places as there are", () => {
    const { budget, fill } = setUp(80_000);
    budget.places = 16;
    const hogs = Array.from({ length: 15 }, (_, index) => budget.account(index));
    for (const hog of hogs) fill(hog, 500);
    assert.ok(fill(budget.account(15), 500) >= 5);
    assert.ok(budget.held <= budget.size);
  });

  it("says so once until the link keeps nothing any more, and counts every time", () => {
    const { budget, log } = setUp(8000);
    const account = budget.account(64);
    for (let count = 0; count < 10; count++) account.take(744);
    assert.deepEqual(log, [
      "warning: host: link 64 keeps 3000 bytes, its share of the 8000 that peers may keep: what comes next for it is dropped until some of it has gone",
    ]);
    assert.equal(budget.refused, 7);
    account.give(744);
    assert.equal(account.take(744), true);
    assert.equal(account.take(744), false);
    assert.equal(log.length, 1);
    for (let count = 0; count < 3; count++) account.give(744);
    assert.deepEqual([account.held, budget.held, budget.beyond], [0, 0, 0]);
    while (account.take(744));
    assert.equal(log.length, 2);
    assert.equal(budget.peak, 3000);
  });

  it("keeps what is forced, which the others' shares pay for, but not what they are guaranteed", () => {
    const { budget, fill } = setUp(8000);
    const [a, b] = [budget.account(1), budget.account(2)];
    fill(a, 1000);
    for (let count = 0; count < 4; count++) a.force(744);
    assert.equal(a.held, 7000);
    assert.equal(b.take(744), true);
    assert.equal(b.take(744), false);
  });

  it("has no bound for a layer by itself", () => {
    const account = unboundedAccount();
    for (let count = 0; count < 1000; count++) assert.equal(account.take(10_000), true);
  });
});
