import type { EnergyReport } from "./energy/deployment.ts";
import type { CentralEvent } from "./rig/events.ts";
import { EventQueue } from "./session/queue.ts";
import { storageProblem } from "./storage.mjs";

/**
 * What an operation reports about itself. An operation (build, run, check) is an async generator of these events and
 * never prints; tools/cli/render.ts shows them to a person, `--json` prints them as they are, one a line.
 */
export type ToolEvent =
  | { readonly type: "step:start"; readonly step: string; readonly title: string }
  /** How far a long step is, in pieces of work of about one size. */
  | {
      readonly type: "step:progress";
      readonly step: string;
      readonly done: number;
      readonly total: number;
      readonly detail?: string;
    }
  | {
      readonly type: "step:done";
      readonly step: string;
      readonly milliseconds: number;
      readonly detail?: string;
    }
  | { readonly type: "step:fail"; readonly step: string; readonly message: string; readonly output?: string }
  | { readonly type: "info"; readonly message: string }
  | { readonly type: "warning"; readonly message: string }
  /** What deployments take; lines of text for a person follow. */
  | { readonly type: "energy"; readonly reports: readonly EnergyReport[] }
  /** A line that is the operation's result. */
  | { readonly type: "text"; readonly text: string }
  /** A line that a process of the session wrote: the camera's console, the central, the controller. */
  | { readonly type: "line"; readonly source: string; readonly text: string }
  /** What the phone, or the central that connects to a camera, sees. */
  | { readonly type: "central"; readonly source: string; readonly central: CentralEvent };

/** Called with how far a step is, and what else there is to say of it. */
export type Progress = (done: number, total: number, detail?: string) => void;

/** An operation: events on the way, a result at the end. */
export type Operation<T = void> = AsyncGenerator<ToolEvent, T, void>;

/** A failure that the person at the keyboard can do something about. `output` is what a program said about it. */
export class ToolError extends Error {
  override name = "ToolError";
  readonly output: string;

  constructor(message: string, output = "") {
    super(message);
    this.output = output;
  }
}

/** A mistake on the command line: exit status 2. */
export class UsageError extends ToolError {
  override name = "UsageError";
}

/** Ctrl-C has ended what ran, and this is what it leaves behind. */
export class InterruptedError extends ToolError {
  override name = "InterruptedError";
}

/** Thrown after a step's failure was reported as an event: whoever catches it must not report it again. */
export class StepFailed extends Error {
  override name = "StepFailed";
}

/** What a step's work returns: the value, and a few words for the event. */
export interface StepResult<T> {
  readonly value: T;
  readonly detail?: string;
}

/**
 * Runs one step and reports its start and its end.
 * @throws StepFailed when the work throws a ToolError, or the system does not let it write a file; other errors are defects and pass through.
 */
export async function* step<T>(
  name: string,
  title: string,
  work: (progress: Progress) => Promise<StepResult<T>>,
): Operation<T> {
  yield { type: "step:start", step: name, title };
  const start = performance.now();
  const events = new EventQueue<ToolEvent>();
  try {
    const working = work((done, total, detail) =>
      events.put({
        ...{ type: "step:progress", step: name, done, total },
        ...(detail === undefined ? {} : { detail }),
      }),
    );
    const close = () => events.close();
    working.then(close, close);
    yield* events;
    const { value, detail } = await working;
    const milliseconds = Math.round(performance.now() - start);
    yield { type: "step:done", step: name, milliseconds, ...(detail === undefined ? {} : { detail }) };
    return value;
  } catch (thrown) {
    const problem = storageProblem(thrown);
    const error = problem === undefined ? thrown : new ToolError(problem);
    if (!(error instanceof ToolError)) throw error;
    const output = error.output === "" ? {} : { output: error.output };
    yield { type: "step:fail", step: name, message: error.message, ...output };
    throw new StepFailed(error.message);
  }
}

/**
 * An operation with the events that are put beside it while it works. It goes on when its own are taken, and no sooner.
 * @param events closed when the operation ends
 */
export async function* withEvents<T>(operation: Operation<T>, events: EventQueue<ToolEvent>): Operation<T> {
  let own: ToolEvent | undefined;
  let goOn = (): void => undefined;
  const work = async (): Promise<T> => {
    for (;;) {
      const next = await operation.next();
      if (next.done) return next.value;
      own = next.value;
      const isTaken = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      events.put(own);
      await isTaken;
    }
  };
  const working = work();
  const close = (): void => events.close();
  working.then(close, close);
  try {
    for await (const event of events) {
      yield event;
      if (event === own) goOn();
    }
    return await working;
  } finally {
    await operation.return(undefined as T);
  }
}
