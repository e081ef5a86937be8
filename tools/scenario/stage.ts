/**
 * What a scenario plays with: `scenario.ts` in an application's folder exports a function as its default, which is given a
 * stage. docs/phone.md, "Several cameras".
 */

/** A camera of a scenario. */
export interface CameraChoice {
  /** The application, a file or folder beside scenario.ts; main.ts when left out. */
  readonly application?: string;
  /** Other applications that it is to be started with later. */
  readonly versions?: readonly string[];
  /** Name of a board, where it is not to be that of the session. */
  readonly board?: string;
  /** A version that fails and starts again is part of the play; else it ends it. */
  readonly mayFail?: boolean;
}

/** What scenario.ts exports as `cameras`: what is built before anything starts, by the names of the cameras. */
export type Cameras = Readonly<Record<string, CameraChoice>>;

/** A camera on the stage. It keeps its flash, and with it its address, while it is off. */
export interface StageCamera {
  /** As its lines begin. */
  readonly name: string;
  /**
   * Waits until its console has a line with this text, or gets one; each line counts once.
   * @throws ScenarioError when there is none within that time, 30 s when left out.
   */
  says(text: string, withinMs?: number): Promise<void>;
  /** Takes its power away. */
  stop(): Promise<void>;
  /**
   * Gives it power, which it must not have, or takes it away for a moment.
   * @param application another one, of `CameraChoice.versions`; the same as before when left out.
   */
  start(application?: string): Promise<void>;
  restart(application?: string): Promise<void>;
}

/** What a scenario plays with. Every camera and phone is in the same air. */
export interface Stage {
  /** Gives one of `cameras` power for the first time. */
  camera(name: string): Promise<StageCamera>;
  /** Plays steps of the phone, one a line (docs/phone.md). The phones go on from one call to the next. */
  phone(steps: string): Promise<void>;
  /**
   * Brings another version to a camera over the air, as `obscura deploy` does: upload, trial, confirmation.
   * @param application of `CameraChoice.versions`
   * @param version MAJOR.MINOR.REVISION, as the bundle has it
   * @returns undefined when it stays; why it does not, a sentence, when the camera has gone back or has refused it.
   */
  deploy(camera: StageCamera, application: string, version: string): Promise<string | undefined>;
  /** Real time. */
  wait(ms: number): Promise<void>;
  /** A line of the session. */
  say(text: string): void;
}

/** What scenario.ts exports as its default. */
export type Scenario = (stage: Stage) => Promise<void>;

/** Something that a scenario waited for did not happen. */
export class ScenarioError extends Error {
  override name = "ScenarioError";
}
