/** What an operation of the tools reports, as a test waits for it. */
import assert from "node:assert/strict";
import type { Operation, ToolEvent } from "../../tools/events.ts";

/** Runs an operation, and lets a test wait for what it reports. */
export class Followed {
  readonly texts: string[] = [];
  readonly ended: Promise<unknown>;
  private read = 0;
  private wake: () => void = () => undefined;
  private hasEnded = false;

  constructor(operation: Operation) {
    this.ended = this.follow(operation).finally(() => {
      this.hasEnded = true;
      this.wake();
    });
    this.ended.catch(() => undefined);
  }

  /** The next text that matches, behind those that were waited for before. */
  async says(pattern: RegExp): Promise<void> {
    for (;;) {
      while (this.read < this.texts.length) if (pattern.test(this.texts[this.read++]!)) return;
      if (this.hasEnded) assert.fail(`ended without ${pattern}:\n${this.texts.join("\n")}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private async follow(operation: Operation): Promise<void> {
    for await (const event of operation) {
      const text = textOf(event);
      if (text !== undefined) this.texts.push(text);
      this.wake();
    }
  }
}

function textOf(event: ToolEvent): string | undefined {
  switch (event.type) {
    case "info":
    case "warning":
      return event.message;
    case "line":
      return event.text;
    case "step:done":
      return `${event.step}: ${event.detail ?? ""}`;
    case "step:fail":
      return `${event.step} failed: ${event.message}`;
    default:
      return undefined;
  }
}
