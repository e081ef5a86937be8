/** What a person sees of the events, in a terminal and in a log. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { jsonRenderer, textRenderer } from "../../../tools/cli/render.ts";
import { step, ToolError, type ToolEvent } from "../../../tools/events.ts";

function shown(events: readonly ToolEvent[], isTTY: boolean): string {
  let text = "";
  const render = textRenderer({ isTTY, write: (piece: string) => (text += piece) });
  for (const event of events) render(event);
  return text;
}

const longStep: readonly ToolEvent[] = [
  { type: "step:start", step: "image", title: "Image" },
  ...Array.from({ length: 100 }, (_, index): ToolEvent => {
    return { type: "step:progress", step: "image", done: index + 1, total: 100 };
  }),
  { type: "step:done", step: "image", milliseconds: 1234, detail: "linked" },
];

describe("the renderer for a person", () => {
  it("shows a log four times how far a long step is", () => {
    assert.equal(
      shown(longStep, false),
      "… Image: 25 of 100\n… Image: 50 of 100\n… Image: 75 of 100\n… Image: 100 of 100\n✓ Image: linked (1.2 s)\n",
    );
  });

  it("ends a terminal's line that an interruption leaves, so that the shell's prompt begins a new one", () => {
    for (const [isTTY, count, end] of [
      [true, 2, "… Image: 1 of 100\n"],
      [true, longStep.length, "(1.2 s)\n"],
      [false, 2, ""],
    ] as const) {
      let text = "";
      const interruption = new AbortController();
      const render = textRenderer({ isTTY, write: (piece: string) => (text += piece) }, interruption.signal);
      for (const event of longStep.slice(0, count)) render(event);
      interruption.abort();
      assert.ok(text.endsWith(end), text);
      assert.ok(!text.endsWith("\n\n"));
    }
  });

  it("shows a terminal in one line, which the result replaces", () => {
    const text = shown(longStep, true);
    assert.equal(text.split("\n").length, 2);
    assert.match(text, /… Image: 7 of 100/);
    assert.ok(text.endsWith("\r\x1b[K✓ Image: linked (1.2 s)\n"));
  });

  it("shows a session line by line", () => {
    const text = shown(
      [
        {
          type: "central",
          source: "phone",
          central: {
            ...{ event: "notification", number: 3, uuid: "2A6E", name: "Temperature", handle: 16 },
            ...{ raw: "f107", decoded: "20.33 °C" },
          },
        },
      ],
      false,
    );
    assert.equal(text, "phone      notification 3: 2A6E Temperature 20.33 °C (f107)\n");
  });
});

describe("the renderer for a program", () => {
  it("prints each event as one line of JSON", () => {
    let text = "";
    const render = jsonRenderer({ write: (piece: string) => (text += piece) });
    for (const event of longStep) render(event);
    const lines = text.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as ToolEvent),
      longStep,
    );
  });
});

describe("a step", () => {
  async function events(operation: AsyncGenerator<ToolEvent, unknown, void>): Promise<ToolEvent[]> {
    const reported: ToolEvent[] = [];
    try {
      for await (const event of operation) reported.push(event);
    } catch {
      reported.push({ type: "info", message: "threw" });
    }
    return reported;
  }

  it("reports its progress before its end", async () => {
    const reported = await events(
      step("count", "Count", async (progress) => {
        progress(1, 2);
        await Promise.resolve();
        progress(2, 2);
        return { value: undefined };
      }),
    );
    assert.deepEqual(
      reported.map(({ type }) => type),
      ["step:start", "step:progress", "step:progress", "step:done"],
    );
  });

  it("reports its failure once", async () => {
    const reported = await events(
      step("count", "Count", async (progress) => {
        progress(1, 2);
        throw new ToolError("no more numbers", "1");
      }),
    );
    assert.deepEqual(reported.slice(-2), [
      { type: "step:fail", step: "count", message: "no more numbers", output: "1" },
      { type: "info", message: "threw" },
    ]);
  });
});
