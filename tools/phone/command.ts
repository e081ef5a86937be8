/** `obscura phone`: a virtual phone that does what a person types, near a camera that runs. */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { FROM_CONTROLLER, H4Framer } from "../../simulator/h4.ts";
import { PhoneError } from "../../simulator/phone/errors.ts";
import { Phone } from "../../simulator/phone/phone.ts";
import { PhoneSecurity } from "../../simulator/phone/security.ts";
import { parseHci } from "../camera/command.ts";
import { type Operation, ToolError, type ToolEvent, UsageError } from "../events.ts";
import { createRealClock } from "../radio/real-clock.ts";
import { EventQueue } from "../session/queue.ts";
import { startOwnRadio } from "../session/radios/own-radio.ts";
import type { RadioChoice } from "../session/radios/radio.ts";
import { ScriptError } from "./actor.ts";
import { Player } from "./player.ts";
import { forms, parseStep } from "./script.ts";

/** A phone at a controller. */
export interface PhoneOptions {
  /** The phone's controller: one at a socket, or one that Bumble's bridge opens. */
  readonly radio: RadioChoice;
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
 * @throws ToolError when there is no controller, or it has gone; with a failed step when nobody types
 */
export async function* runPhone({ radio: choice, input, prompt, signal }: PhoneOptions): Operation {
  const { name, radio } = await startOwnRadio(choice, signal);
  const clock = createRealClock();
  const target = parseHci(radio.hci);
  const socket = connect(target.kind === "tcp" ? { ...target, noDelay: true } : target);
  socket.on("error", () => socket.destroy());
  const events = new EventQueue<ToolEvent>();
  const lost = new AbortController();
  socket.on("close", () => lost.abort());
  const framer = new H4Framer(FROM_CONTROLLER, (packet) => phone.receive(packet));
  const address = new Uint8Array(randomBytes(6));
  address[0] = address[0]! | 0xc0;
  const security = new PhoneSecurity(simulatedCrypto, (length) => new Uint8Array(randomBytes(length)));
  const phone = new Phone(clock, (packet) => socket.write(packet), address, security);
  socket.on("data", (bytes) => framer.push(bytes));
  const stage = {
    addPhone: () => phone,
    wait: (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms)),
    heard: () => Promise.reject(new ScriptError("the camera's log is not here: expect log is for scripts")),
  };
  const player = new Player(stage, (central) => events.put({ type: "central", source: "phone", central }));
  const lines = createInterface({ input });
  // At once: lines that come before somebody asks for them are lost, and the input's end with them.
  const typed = lines[Symbol.asyncIterator]();
  const close = () => lines.close();
  signal.addEventListener("abort", close, { once: true });
  lost.signal.addEventListener("abort", close, { once: true });
  let failed: string | undefined;
  const read = async (): Promise<void> => {
    const ready = async (): Promise<void> => {
      // Behind the lines of the step before, which are shown when this turn is over.
      await new Promise((resolve) => setImmediate(resolve));
      prompt?.();
    };
    await ready();
    for await (const text of typed) {
      if (text.trim() === "exit") break;
      if (text.trim() === "help") for (const line of help) events.put({ type: "text", text: line });
      else failed = (await perform(player, text, events)) ?? failed;
      await ready();
    }
  };
  try {
    read().then(
      () => events.close(),
      (error: unknown) => {
        failed = String(error);
        events.close();
      },
    );
    yield* events;
    signal.throwIfAborted();
    if (lost.signal.aborted) throw new ToolError(`The controller at ${name} has gone`);
    if (prompt === undefined && failed !== undefined) throw new ToolError(failed);
  } finally {
    signal.removeEventListener("abort", close);
    lines.close();
    socket.destroy();
    clock.stop();
    await radio.stop();
  }
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
    if (step !== undefined) await player.playOne(step);
    return undefined;
  } catch (error) {
    const known = error instanceof UsageError || error instanceof ScriptError || error instanceof PhoneError;
    if (!known) throw error;
    events.put({ type: "warning", message: error.message });
    return error.message;
  }
}
