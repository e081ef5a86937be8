import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  Budget,
  ENDED_LINK_BYTES,
  ITEM_OVERHEAD,
  type Leavings,
  unboundedAccount,
} from "../../../firmware/ble/budget.ts";

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

  it("keeps what is forced, which the others' shares pay for as far as they go, but not what they are guaranteed", () => {
    const { budget, fill } = setUp(8000);
    const [a, b] = [budget.account(1), budget.account(2)];
    fill(a, 1000);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => a.force(744)),
      [true, true, false, false],
    );
    assert.deepEqual([a.held, a.fitsForced(744), b.fitsForced(744)], [5000, false, true]);
    assert.equal(b.take(744), true);
    assert.equal(b.take(744), false);
  });

  it("guarantees a link that has ended nothing: what it left goes, the oldest first, when others need the room", () => {
    const { budget, fill } = setUp(80_000);
    const left: ReturnType<Budget["account"]>[] = [];
    const leavings: Leavings = {
      get bytes() {
        return left.reduce((sum, { held }) => sum + held, 0);
      },
      dropOldest() {
        const oldest = left.shift();
        while (oldest && oldest.held > 0) oldest.give(500 - ITEM_OVERHEAD); // the link goes with the last
        return oldest !== undefined;
      },
    };
    budget.offer(leavings, "last");
    for (let count = 0; count < 50; count++) {
      const account = budget.account(count);
      assert.ok(fill(account, 500) * 500 >= 10_000, `link ${count}`);
      assert.ok(budget.held <= budget.size);
      left.push(account);
      account.end();
      account.end();
      assert.ok(budget.beyond <= budget.size / 2 && budget.beyond === budget.held, `link ${count}`);
    }
    assert.ok(left.length > 0);
    // What a link has within its guarantee needs the room of the others' leavings only when it ends.
    const modest = budget.account(50);
    for (let count = 0; count < 18; count++) assert.ok(modest.take(500 - ITEM_OVERHEAD));
    const [oldest] = left;
    assert.ok(oldest!.held > 0 && budget.beyond + 9000 > budget.size / 2);
    left.push(modest);
    modest.end();
    assert.deepEqual([oldest!.held, modest.held, budget.beyond], [0, 9000 + ENDED_LINK_BYTES, budget.held]);
    assert.ok(budget.beyond <= budget.size / 2);
    const live = [1, 2, 3, 4].map((handle) => budget.account(handle));
    for (const account of live) {
      fill(account, 500);
      assert.ok(account.held >= 10_000);
      assert.ok(budget.held <= budget.size);
    }
    for (const account of live) for (let count = 0; count < 200; count++) account.force(500);
    assert.ok(budget.held <= budget.size);
    assert.deepEqual(left, []);
  });

  it("counts a link that has ended as long as something of it is kept, once, and not one that leaves nothing", () => {
    const { budget } = setUp(80_000);
    const account = budget.account(1);
    for (const bytes of [1, 2]) account.take(bytes);
    const idle = budget.account(2);
    for (const each of [account, account, idle]) each.end();
    assert.equal(budget.held, 3 + 2 * ITEM_OVERHEAD + ENDED_LINK_BYTES);
    assert.equal(budget.beyond, budget.held);
    account.give(1);
    assert.equal(account.held, 2 + ITEM_OVERHEAD + ENDED_LINK_BYTES);
    account.give(2);
    assert.deepEqual([account.held, budget.held, budget.beyond], [0, 0, 0]);
  });

  it("makes room for a link that ends before it counts it: never more is kept than there is", () => {
    const { budget } = setUp(10 * ENDED_LINK_BYTES);
    const left: ReturnType<Budget["account"]>[] = [];
    budget.offer(
      {
        bytes: 0,
        dropOldest() {
          left.shift()?.give(0);
          return true;
        },
      },
      "last",
    );
    for (let count = 0; count < 20; count++) {
      const account = budget.account(count);
      account.take(0);
      left.push(account);
      account.end();
    }
    assert.equal(left.length, Math.floor((5 * ENDED_LINK_BYTES) / (ENDED_LINK_BYTES + ITEM_OVERHEAD)));
    assert.ok(budget.peak <= budget.size / 2 + ITEM_OVERHEAD, `${budget.peak}`);
  });

  it("has no bound for a layer by itself", () => {
    const account = unboundedAccount();
    for (let count = 0; count < 1000; count++) assert.equal(account.take(10_000), true);
  });
});
