/** Printers: events in, text out. The only place of the tools that writes to the terminal. */
import type { ToolEvent } from "../events.ts";
import { renderCentralEvent } from "../rig/render.ts";

/** Back to the start of the terminal's line, which is emptied. */
const ERASE_LINE = "\r\x1b[K";

/** Shows one event. */
export type Renderer = (event: ToolEvent) => void;

/** Somewhere to write lines to. */
export interface Sink {
  write(text: string): unknown;
  /** Whether it is a terminal, where a line can be written again. */
  readonly isTTY?: boolean;
}

/** Without a terminal, long steps say how far they are after so much more of them was done. */
const quietShare = 0.25;

/** One JSON object a line. */
export function jsonRenderer(out: Sink): Renderer {
  return (event) => out.write(`${JSON.stringify(event)}\n`);
}

/**
 * For a person: what is being done, how long it took, what went wrong.
 * @param interruption leaves a terminal's line that would have been written again as it is, and ends it
 */
export function textRenderer(out: Sink, interruption?: AbortSignal): Renderer {
  const titles = new Map<string, string>();
  const reported = new Map<string, number>();
  /** A terminal's line has not been ended yet. */
  let isOpen = false;
  const line = (text: string) => {
    out.write(`${out.isTTY ? ERASE_LINE : ""}${text}\n`);
    isOpen = false;
  };
  const again = (text: string) => {
    out.write(`${ERASE_LINE}${text}`);
    isOpen = true;
  };
  interruption?.addEventListener("abort", () => {
    if (isOpen) out.write("\n");
  });
  return (event) => {
    switch (event.type) {
      case "step:start":
        titles.set(event.step, event.title);
        reported.set(event.step, 0);
        if (out.isTTY) again(`… ${event.title}`);
        return;
      case "step:progress": {
        const { step, done, total, detail } = event;
        const text = `… ${titles.get(step)}: ${done} of ${total}${detail ? `, ${detail}` : ""}`;
        if (out.isTTY) again(text);
        else if (done / total >= (reported.get(step) ?? 0) + quietShare) {
          reported.set(step, done / total);
          line(text);
        }
        return;
      }
      case "step:done": {
        const detail = event.detail === undefined ? "" : `: ${event.detail}`;
        line(`✓ ${titles.get(event.step)}${detail} (${seconds(event.milliseconds)})`);
        return;
      }
      case "step:fail":
        line(`✗ ${titles.get(event.step)}: ${event.message}`);
        if (event.output !== undefined) line(`${indented(event.output)}`);
        return;
      case "info":
        line(`${event.message}`);
        return;
      case "warning":
        line(`warning: ${event.message}`);
        return;
      case "energy":
        return;
      case "text":
        line(event.text);
        return;
      case "line":
        line(`${event.source.padEnd(10)} ${event.text}`);
        return;
      case "central":
        for (const text of renderCentralEvent(event.central)) line(`${event.source.padEnd(10)} ${text}`);
        return;
    }
  };
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

const indented = (text: string): string => text.replace(/^/gm, "    ");
