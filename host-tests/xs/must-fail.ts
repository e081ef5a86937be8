/** Tests that must fail, part of every `tests` bundle: they show that a failure on XS is seen. */
import { equal } from "../support/assert.ts";
import { describe, it } from "../support/suite.ts";

describe("tests that must fail", () => {
  it("an assertion", () => equal(1 + 1, 3));

  it("an assertion after a wait", async () => {
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    equal("late", "early");
  });

  it("a rejection that nobody handles", () => {
    void Promise.reject(new Error("forgotten"));
  });

  it("an error in a timer's callback", async () => {
    setTimeout(() => {
      throw new Error("thrown by a timer");
    }, 1);
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
  });
});
