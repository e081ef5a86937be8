/** `obscura phone`: our own stack as a phone that does what a person types, near a camera that runs. */
import { createInterface } from "node:readline";
import { PhoneError } from "../../simulator/phone/errors.ts";
import { type Operation, ToolError, type ToolEvent, UsageError } from "../events.ts";
import { EventQueue } from "../session/queue.ts";
import { startOwnRadio } from "../session/radios/own-radio.ts";
import type { RadioChoice } from "../session/radios/radio.ts";
import { ScriptError } from "./actor.ts";
import { type OwnPhone, startOwnPhone } from "./own-phone.ts";
import { Player, type Stage } from "./player.ts";
import { forms, parseStep } from "./script.ts";
import { TypedLines } from "./typed-lines.ts";

/** A phone at a controller. */
export interface PhoneOptions {
  /** The phone's controller: one at a socket, or one that Bumble's bridge opens. */
  readonly radio: RadioChoice;
  /** File that keeps the phone's bonds from run to run; none does when left out. */
  readonly bonds?: string;
  /** What is typed. */
  readonly input: NodeJS.ReadableStream;
  /** Shown before each line; nothing where nobody types. */
  readonly prompt?: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

const help = [
  "Steps, as docs/phone.md describes them:",
  ...Object.values(forms).map((form) => `  ${form}`),
  "  exit",
];

/**
 * Does each line's step, until the input ends or says `exit`. A step that fails is reported, and the next one is read.
 * @throws ToolError when there is no controller, it does not work, or it has gone; with the last step that failed, or was
 * refused and not expected to be, when nobody types
 */
export async function* runPhone({ radio: choice, bonds, input, prompt, signal }: PhoneOptions): Operation {
  const { name, radio } = await startOwnRadio(choice, signal);
  const events = new EventQueue<ToolEvent>();
  const gone = new AbortController();
  const over = AbortSignal.any([signal, gone.signal]);
  const close = (): void => events.close();
  over.addEventListener("abort", close, { once: true });
  const lines = createInterface({ input });
  // At once: lines that come before somebody asks for them are lost, and the input's end with them.
  const typed = new TypedLines(lines[Symbol.asyncIterator]());
  let own: OwnPhone | undefined;
  let failed: string | undefined;
  let defect: unknown;
  const read = async ({ clock, phone }: OwnPhone): Promise<void> => {
    await phone.start().catch((error: PhoneError) => {
      throw new ToolError(`The controller at ${name} does not work: ${error.message}`);
    });
    const ready = async (): Promise<void> => {
      // Behind the lines of the step before, which are shown when this turn is over.
      await new Promise((resolve) => setImmediate(resolve));
      if (!over.aborted) prompt?.();
    };
    const asked = async (withinMs: number): Promise<string | undefined> => {
      await ready();
      return typed.nextWithin(withinMs, clock);
    };
    const stage = { ...stageOf(phone, clock), ...(prompt ? { typed: asked } : {}) };
    const player = new Player(stage, (central) => events.put({ type: "central", source: "phone", central }));
    await ready();
    for (let text = await typed.next(); text !== undefined; text = await typed.next()) {
      if (over.aborted || text.trim() === "exit") break;
      if (text.trim() === "help") for (const line of help) events.put({ type: "text", text: line });
      else failed = (await perform(player, text, events)) ?? failed;
      await ready();
    }
    failed = player.refusal ?? failed;
  };
  try {
    own = startOwnPhone({
      ...{ hci: radio.hci, bonds },
      onLine: (text) => events.put({ type: "line", source: "phone", text }),
      onGone: () => gone.abort(),
    });
    read(own)
      .catch((error: unknown) => {
        defect = error;
      })
      .finally(close);
    yield* events;
    signal.throwIfAborted();
    if (gone.signal.aborted) throw new ToolError(`The controller at ${name} has gone`);
    if (defect !== undefined) throw defect;
    if (prompt === undefined && failed !== undefined) throw new ToolError(failed);
  } finally {
    over.removeEventListener("abort", close);
    lines.close();
    await own?.stop();
    await radio.stop();
  }
}

function stageOf(phone: OwnPhone["phone"], clock: OwnPhone["clock"]): Stage {
  return {
    addPhone: () => phone,
    wait: (ms) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms)),
    heard: () => Promise.reject(new ScriptError("the camera's log is not here: expect log is for scripts")),
  };
}

/** Does one line; returns what went wrong. */
async function perform(
  player: Player,
  text: string,
  events: EventQueue<ToolEvent>,
): Promise<string | undefined> {
  try {
    const step = parseStep(text, "phone");
    if (step?.do === "phone") throw new ScriptError("there is one phone here: several are for scripts");
    if (step === undefined) return undefined;
    const unexpected = step.do === "expect refusal" ? undefined : player.refusal;
    await player.playOne(step);
    return unexpected;
  } catch (error) {
    const known = error instanceof UsageError || error instanceof ScriptError || error instanceof PhoneError;
    if (!known) throw error;
    events.put({ type: "warning", message: error.message });
    return error.message;
  }
}
