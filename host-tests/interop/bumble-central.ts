/** The Bumble central of tools/rig/central.py, step by step. */
import { join } from "node:path";
import { root, venvProgram } from "../../tools/paths.ts";
import type { CentralEvent, Step } from "../../tools/rig/events.ts";
import { RigProcess } from "./child-process.ts";
import { Mailbox } from "./wait.ts";

/** A step that failed, in the central's own sentence; `code` is the ATT error where it was one. */
export class StepFailure extends Error {
  override name = "StepFailure";
  readonly code: number | undefined;

  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

/** Static random address of the central. */
export const bumbleAddress = "C2:00:00:00:00:01";

/** A net: below what this side waits for, so that the central says what it waits for. */
const STEP_SECONDS = 150;

export class BumbleCentral {
  readonly process: RigProcess;
  private readonly events = new Mailbox<CentralEvent>();

  private constructor(process: RigProcess) {
    this.process = process;
    process.onLine((line) => {
      if (line.startsWith("{")) this.events.put(JSON.parse(line) as CentralEvent);
    });
    void process.ended.then((how) => this.events.close(new Error(`the Bumble central ended (${how})`)));
  }

  /** Starts a central at the controller `hci` that looks for the camera of this name. */
  static async start(hci: string, cameraName: string, address = bumbleAddress): Promise<BumbleCentral> {
    const args = [
      join(root, "tools/rig/central.py"),
      ...["--hci", hci, "--name", cameraName, "--own-address", address],
      ...["--steps", "-", "--timeout", "3600"],
    ];
    const central = new BumbleCentral(new RigProcess("Bumble", venvProgram("python"), args));
    await central.events.takeWhere((event) => event.event === "ready", "the Bumble central");
    return central;
  }

  /**
   * Runs one step; returns what it reported.
   * @throws StepFailure when the step failed.
   */
  async do(step: Step): Promise<CentralEvent[]> {
    this.process.send(JSON.stringify({ timeoutSeconds: STEP_SECONDS, ...step }));
    const received: CentralEvent[] = [];
    for (;;) {
      const event = await this.events.take(`the step ${step.do} of Bumble`);
      if (event.event === "failed") throw new StepFailure(event.message, event.code);
      if (event.event === "stepDone") return received;
      received.push(event);
    }
  }

  /** Runs one step and returns its event of this kind. */
  async see<K extends CentralEvent["event"]>(
    step: Step,
    kind: K,
  ): Promise<Extract<CentralEvent, { event: K }>> {
    const received = await this.do(step);
    const event = received.find((candidate) => candidate.event === kind);
    if (event === undefined) throw new StepFailure(`${step.do} reported no "${kind}"`, undefined);
    return event as Extract<CentralEvent, { event: K }>;
  }

  /** Vanishes: no goodbye on the air. */
  vanish(): Promise<void> {
    return this.process.kill();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
