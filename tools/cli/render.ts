/** Printers: events in, text out. The only place of the tools that writes to the terminal. */
import type { ToolEvent } from "../events.ts";

/** Shows one event. */
export type Renderer = (event: ToolEvent) => void;

/** Somewhere to write lines to. */
export interface Sink {
  write(text: string): unknown;
}

/** One JSON object a line. */
export function jsonRenderer(out: Sink): Renderer {
  return (event) => out.write(`${JSON.stringify(event)}\n`);
}

/** For a person: what is being done, how long it took, what went wrong. */
export function textRenderer(out: Sink): Renderer {
  const titles = new Map<string, string>();
  return (event) => {
    switch (event.type) {
      case "step:start":
        titles.set(event.step, event.title);
        return;
      case "step:done": {
        const detail = event.detail === undefined ? "" : `: ${event.detail}`;
        out.write(`✓ ${titles.get(event.step)}${detail} (${seconds(event.milliseconds)})\n`);
        return;
      }
      case "step:fail":
        out.write(`✗ ${titles.get(event.step)}: ${event.message}\n`);
        if (event.output !== undefined) out.write(`${indented(event.output)}\n`);
        return;
      case "info":
        out.write(`${event.message}\n`);
        return;
      case "warning":
        out.write(`warning: ${event.message}\n`);
        return;
      case "line":
        out.write(`${event.source.padEnd(10)} ${event.text}\n`);
        return;
    }
  };
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

const indented = (text: string): string => text.replace(/^/gm, "    ");
