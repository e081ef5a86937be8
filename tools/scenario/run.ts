/** Plays the scenario of an application: several cameras and phones in one simulated air, in real time. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { findApplication } from "../build/application.ts";
import { type Built, buildAll } from "../build/build.ts";
import { mapOf } from "../build/maps.ts";
import { type Camera, startCamera } from "../camera/camera.ts";
import { type Operation, StepFailed, ToolError, type ToolEvent, UsageError } from "../events.ts";
import { buildRoot, displayPath } from "../paths.ts";
import { Player } from "../phone/player.ts";
import { parseScript } from "../phone/script.ts";
import { SimulatorServer } from "../radio/simulator-server.ts";
import { FailureWatch } from "../session/failure.ts";
import { HeardLines } from "../session/heard.ts";
import { EventQueue } from "../session/queue.ts";
import { mapsIn } from "../trace/maps.ts";
import { Tracer } from "../trace/trace.ts";
import { deploy, TRIAL_SECONDS } from "../update/deploy.ts";
import { developmentKeyFile } from "../update/keys.ts";
import {
  type CameraChoice,
  type Cameras,
  type Scenario,
  ScenarioError,
  type Stage,
  type StageCamera,
} from "./stage.ts";

/** How long a line may be waited for when nobody says. */
const PATIENCE_MS = 30_000;
/** The application of a camera that names none. */
const MAIN = "main.ts";

/** What `runScenario` takes. */
export interface ScenarioOptions {
  /** Name of an example, or path of an application. */
  readonly application: string;
  readonly board: string;
  readonly manifest?: string;
  /** Ends it; everything is stopped. */
  readonly signal: AbortSignal;
}

/** The scenario of an application, a path; undefined where it has none. */
export function scenarioOf(application: string): string | undefined {
  const file = join(dirname(findApplication(application).entry), "scenario.ts");
  return existsSync(file) ? file : undefined;
}

/** What the parts of a running scenario share. */
interface Theatre {
  readonly choices: Cameras;
  /** Of each camera, by the application's name. */
  readonly built: ReadonlyMap<string, ReadonlyMap<string, Built>>;
  /** Where the cameras' flash lies. */
  readonly states: string;
  readonly server: SimulatorServer;
  readonly hci: string;
  readonly events: EventQueue<ToolEvent>;
  /** What any camera said, for steps of the phone. */
  readonly heard: HeardLines;
  /** Something went wrong beside the scenario itself. */
  fail(sentence: string): void;
}

/** One camera of a scenario. */
class PlayedCamera implements StageCamera {
  readonly name: string;
  private readonly theatre: Theatre;
  /** By the application's name. */
  private readonly built: ReadonlyMap<string, Built>;
  private application: string;
  private running: Camera | undefined;
  private readonly heard = new HeardLines();

  private readonly mayFail: boolean;

  constructor(theatre: Theatre, name: string, { application = MAIN, mayFail = false }: CameraChoice) {
    this.mayFail = mayFail;
    this.theatre = theatre;
    this.name = name;
    this.application = application;
    this.built = theatre.built.get(name)!;
  }

  async says(text: string, withinMs = PATIENCE_MS): Promise<void> {
    if ((await this.heard.heard(text, withinMs)) !== undefined) return;
    throw new ScenarioError(`${this.name} did not say "${text}" within ${withinMs / 1000} s`);
  }

  async start(application = this.application): Promise<void> {
    if (this.running) throw new ScenarioError(`${this.name} runs already: stop it before`);
    const { events, fail, hci, states } = this.theatre;
    const built = this.version(application);
    this.application = application;
    const maps = [...this.built.values()].map(({ bytecode }) => mapOf(bytecode));
    const tracer = new Tracer(mapsIn([built.board.output], maps));
    const failures = new FailureWatch({
      onFailure: () => {
        if (!this.mayFail) fail(`${this.name}: ${failures.failure}`);
      },
    });
    const onLine = (raw: string): void => {
      const text = tracer.line(raw);
      events.put({ type: "line", source: this.name, text });
      this.heard.add(text);
      this.theatre.heard.add(text);
      failures.line(text, raw);
    };
    const state = join(states, this.name);
    const camera = await startCamera(
      built.board,
      { image: built.image, application: built.application, hci, state },
      onLine,
    );
    this.running = camera;
    void camera.exited.then((how) => {
      failures.close();
      if (this.running !== camera) return;
      this.running = undefined;
      fail(`The process of ${this.name} ended (${how})`);
    });
  }

  /** What is built of one of its versions. */
  version(application: string): Built {
    const built = this.built.get(application);
    if (!built) throw new ScenarioError(`${application} is no version of ${this.name}: name it in cameras`);
    return built;
  }

  async stop(): Promise<void> {
    const camera = this.running;
    this.running = undefined;
    await camera?.stop();
  }

  async restart(application?: string): Promise<void> {
    await this.stop();
    await this.start(application);
  }
}

/**
 * Plays `scenario.ts` of an application.
 * @throws ToolError when the scenario, a camera or a build failed; the signal's reason.
 */
export async function* runScenario(options: ScenarioOptions): Operation {
  const { signal } = options;
  const file = scenarioOf(options.application)!;
  const { cameras: choices, default: play } = await load(file);
  const built = yield* buildCameras(choices, dirname(file), options);
  signal.throwIfAborted();
  mkdirSync(join(buildRoot, "run"), { recursive: true });
  const states = mkdtempSync(join(buildRoot, "run", "scenario-"));
  const events = new EventQueue<ToolEvent>();
  const server = new SimulatorServer();
  const cameras = new Map<string, PlayedCamera>();
  const interrupt = (): void => events.close();
  signal.addEventListener("abort", interrupt, { once: true });
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    events.close();
  };
  try {
    const theatre: Theatre = {
      ...{ choices, built, states, server, events },
      hci: await server.listen(),
      heard: new HeardLines(),
      fail: (sentence) => fail(new ToolError(sentence)),
    };
    yield { type: "info", message: `Scenario: ${displayPath(file)}` };
    void play(createStage(theatre, cameras, options)).then(() => events.close(), fail);
    yield* events;
    signal.throwIfAborted();
    if (failure !== undefined) throw asToolError(failure, file);
    yield { type: "info", message: "Everything happened as the scenario says." };
  } finally {
    signal.removeEventListener("abort", interrupt);
    for (const camera of cameras.values()) await camera.stop();
    await server.close();
    rmSync(states, { recursive: true, force: true });
  }
}

function createStage(
  theatre: Theatre,
  cameras: Map<string, PlayedCamera>,
  { manifest = "camera", signal }: ScenarioOptions,
): Stage {
  const { choices, events, heard, hci, server, states } = theatre;
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => void server.clock.setTimer(resolve, ms));
  const player = new Player(
    { wait, addPhone: () => server.addPhone(), heard: (text, withinMs) => heard.heard(text, withinMs) },
    (central) => events.put({ type: "central", source: "phone", central }),
  );
  let scripts = 0;
  return {
    wait,
    async camera(name) {
      const choice = choices[name];
      if (!choice) throw new ScenarioError(`there is no camera "${name}" in cameras`);
      if (cameras.has(name)) throw new ScenarioError(`there is a camera "${name}" already: start() it again`);
      const camera = new PlayedCamera(theatre, name, choice);
      cameras.set(name, camera);
      await camera.start();
      return camera;
    },
    async deploy({ name }, application, version) {
      const { board, bytecode } = cameras.get(name)!.version(application);
      const deployment = deploy({
        ...{ application: bytecode, board: board.name, manifest, version, key: developmentKeyFile },
        ...{ radio: { kind: "controller", hci }, signal, trialSeconds: TRIAL_SECONDS, confirm: true },
        bonds: join(states, "central.json"),
      });
      try {
        for await (const event of deployment) events.put(event);
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ToolError || error instanceof StepFailed) return error.message;
        throw error;
      }
    },
    phone: (steps) => player.playPart(parseScript(steps, `phone(${++scripts})`)),
    say: (message) => events.put({ type: "info", message }),
  };
}

/** Builds what the cameras run, once for each board; the outcome is by camera, then by application. */
async function* buildCameras(
  choices: Cameras,
  folder: string,
  { board: ownBoard, manifest }: ScenarioOptions,
): Operation<Map<string, Map<string, Built>>> {
  const wanted = new Map<string, Set<string>>();
  const applicationsOf = ({ application = MAIN, versions = [] }: CameraChoice) => [application, ...versions];
  for (const choice of Object.values(choices)) {
    const { board = ownBoard } = choice;
    const names = wanted.get(board) ?? new Set();
    wanted.set(board, names);
    for (const name of applicationsOf(choice)) names.add(name);
  }
  const built = new Map<string, Built>();
  for (const [board, names] of wanted) {
    const paths = [...names].map((name) => join(folder, name));
    const all = yield* buildAll(paths, { board, ...(manifest === undefined ? {} : { manifest }) });
    for (const [at, name] of [...names].entries()) built.set(`${board} ${name}`, all[at]!);
  }
  const ofCamera = ([camera, choice]: [string, CameraChoice]): [string, Map<string, Built>] => {
    const { board = ownBoard } = choice;
    return [camera, new Map(applicationsOf(choice).map((name) => [name, built.get(`${board} ${name}`)!]))];
  };
  return new Map(Object.entries(choices).map(ofCamera));
}

/** @throws UsageError for a file that is no scenario. */
async function load(file: string): Promise<{ readonly cameras: Cameras; readonly default: Scenario }> {
  const module = (await import(pathToFileURL(file).href)) as { cameras?: unknown; default?: unknown };
  const { cameras, default: play } = module;
  if (typeof play === "function" && typeof cameras === "object" && cameras !== null)
    return { cameras: cameras as Cameras, default: play as Scenario };
  throw new UsageError(
    `${displayPath(file)} does not export cameras, and a function as its default: docs/phone.md shows one.`,
  );
}

/** What a scenario threw, as a sentence; a build has reported its failure already. */
function asToolError(failure: unknown, file: string): unknown {
  if (failure instanceof ToolError || !(failure instanceof Error) || failure.name === "StepFailed")
    return failure;
  return new ToolError(`${displayPath(file)} did not go as written: ${failure.message}`);
}
