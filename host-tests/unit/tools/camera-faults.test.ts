/** What `obscura deploy` and `obscura logs` say of a camera that was heard, and then is silent, leaves, or answers nonsense. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { DeviceDisconnectedError, GattError, TimeoutError } from "../../../firmware/aioble/errors.ts";
import { HciError } from "../../../firmware/ble/errors.ts";
import { type CborMap, decodeMap, encodeMap } from "../../../firmware/update/cbor.ts";
import {
  HEADER_LENGTH,
  type Header,
  OPERATION,
  readHeader,
  writeFrame,
} from "../../../firmware/update/frames.ts";
import { SERVICE_UUID } from "../../../firmware/update/service.ts";
import { reportFailure } from "../../../tools/cli/perform.ts";
import { InterruptedError, type Operation, ToolError, type ToolEvent } from "../../../tools/events.ts";
import { cameraFault } from "../../../tools/update/camera-faults.ts";
import type { Finder } from "../../../tools/update/camera-finder.ts";
import { type DeployState, deployFile, sayingWhatIsLeft } from "../../../tools/update/deploy.ts";
import { parseVersion, readSigned, signBody } from "../../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey } from "../../../tools/update/keys.ts";
import { followLogs } from "../../../tools/update/logs.ts";
import { ManagementClient, openManagement } from "../../../tools/update/management-client.ts";

const bundle = signBody(new Uint8Array(600), parseVersion("3.0.0"), readSigningKey(developmentKeyFile));
const { digest } = readSigned(bundle);

/** What a camera does with one request: an answer, bytes that are none, or the error that its client meets. */
type Reply = CborMap | Uint8Array | Error;

/** A camera that takes a bundle and tries it, until a test has it do otherwise. */
class FalseCamera {
  /** Called with each connection that is asked for; an error refuses it. */
  onConnect: (count: number) => Error | undefined = () => undefined;
  /** Asked whether a bond with it could be kept; an error says that it could not. */
  onRoom: () => void = () => undefined;
  /** Called with each request, as `group/command`, in front of the camera; undefined lets the camera answer. */
  onRequest: (command: string, count: number) => Reply | undefined = () => undefined;
  private readonly counts = new Map<string, number>();
  private connections = 0;
  private isUp = false;
  private runs = "2.0.0";
  private isMarked = false;
  private readonly answers: Reply[] = [];

  readonly central = {
    aioble: {
      scan: () => this.results(),
    },
    alone: (work: () => Promise<unknown>) => work(),
    checkRoom: () => this.onRoom(),
  } as unknown as Finder;

  /** The link ends with whatever waits for it. */
  leave(): DeviceDisconnectedError {
    this.isUp = false;
    return new DeviceDisconnectedError(0x15);
  }

  /** As `leave`, and what was marked runs. */
  restart(): DeviceDisconnectedError {
    if (this.isMarked) this.runs = "3.0.0";
    return this.leave();
  }

  private async *results() {
    const device = { addrType: 1, addrHex: () => "c0:00:00:00:00:01", connect: async () => this.connect() };
    yield { connectable: true, device, name: () => "camera", services: () => [SERVICE_UUID] };
  }

  private connect() {
    const refusal = this.onConnect(++this.connections);
    if (refusal) throw refusal;
    this.isUp = true;
    this.answers.length = 0;
    const characteristic = {
      subscribe: async () => undefined,
      write: async (frame: Uint8Array) => this.request(frame),
      notified: async () => this.notification(),
    };
    return {
      mtu: 515,
      isConnected: () => this.isUp,
      exchangeMtu: async () => 515,
      service: async () => ({ characteristic: async () => characteristic }),
      disconnect: async () => void this.leave(),
      disconnected: async () => undefined,
    };
  }

  private request(frame: Uint8Array): void {
    if (!this.isUp) throw this.leave();
    const header = readHeader(frame);
    const command = `${header.group}/${header.command}`;
    const count = (this.counts.get(command) ?? 0) + 1;
    this.counts.set(command, count);
    const reply =
      this.onRequest(command, count) ?? this.reply(header, decodeMap(frame.subarray(HEADER_LENGTH)));
    if (reply instanceof Error) this.answers.push(reply);
    else {
      const payload = reply instanceof Uint8Array ? reply : encodeMap(reply);
      this.answers.push(writeFrame({ ...header, operation: header.operation + 1 }, payload));
    }
  }

  private notification(): Uint8Array {
    const next = this.answers.shift() ?? new TimeoutError(5000);
    if (next instanceof Error) throw next;
    return next as Uint8Array;
  }

  private reply({ group, command, operation }: Header, map: CborMap): CborMap {
    switch (`${group}/${command}`) {
      case "0/0":
        return { r: map.d };
      case "0/5":
        this.restart();
        return {};
      case "0/6":
        return { buf_size: 256 };
      case "1/0":
        if (operation === OPERATION.WRITE) this.isMarked = true;
        return operation === OPERATION.WRITE ? {} : { images: [this.image()] };
      case "1/1":
        return { off: (map.off as number) + (map.data as Uint8Array).length };
      default:
        return { lines: ["a line"], first: 0, next: 1 };
    }
  }

  private image(): CborMap {
    const hash = this.runs === "3.0.0" ? new Uint8Array(digest) : new Uint8Array(32);
    return { slot: 0, version: this.runs, hash, active: true, confirmed: this.runs === "2.0.0" };
  }
}

async function outcome(operation: Operation): Promise<{ events: ToolEvent[]; error: unknown }> {
  const events: ToolEvent[] = [];
  try {
    for await (const event of operation) events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

const choice = () => ({ returnMs: 0, signal: new AbortController().signal });

const deployTo = (camera: FalseCamera) =>
  outcome(deployFile(bundle, camera.central, { ...choice(), trialSeconds: 0, confirm: true }));

/** The command ends in one step's failure, with this sentence, and with status 1. */
async function failsIn(camera: FalseCamera, name: string, expected: RegExp): Promise<void> {
  const { events, error } = await deployTo(camera);
  const failures = events.filter((event) => event.type === "step:fail");
  assert.deepEqual(
    failures.map(({ step }) => step),
    [name],
    String(error),
  );
  assert.match(failures[0]!.message, expected);
  assert.doesNotMatch(failures[0]!.message, /\n|Error:/);
  assert.equal(reportFailure(error), 1);
}

describe("tools/update/camera-faults: obscura deploy", () => {
  const silent = /^The camera was heard, but neither connects nor answers within \d+ s\. Bring it nearer/;
  const left = /^The link to the camera has ended\. .*remote power off \(0x15\)\. Bring it nearer/;

  it("ends well with a camera that does as it should", async () => {
    const { events, error } = await deployTo(new FalseCamera());
    assert.equal(error, undefined);
    const done = events.filter((event) => event.type === "step:done").map(({ step }) => step);
    assert.deepEqual(done, ["find", "upload", "try", "confirm"]);
  });

  it("says that the camera does not connect", async () => {
    const camera = new FalseCamera();
    camera.onConnect = () => new TimeoutError(10_000);
    await failsIn(camera, "find", silent);
  });

  it("says that a bond could not be kept, before it connects", async () => {
    const camera = new FalseCamera();
    let connections = 0;
    camera.onConnect = () => void connections++;
    camera.onRoom = () => {
      throw new ToolError("No space is left for bonds.json: free some, and run this again.");
    };
    await failsIn(camera, "find", /^No space is left for bonds\.json: /);
    assert.equal(connections, 0);
  });

  it("says that the camera does not answer", async () => {
    const camera = new FalseCamera();
    camera.onRequest = () => new TimeoutError(5000);
    await failsIn(camera, "find", silent);
  });

  for (const [name, command] of [
    ["first request", "0/0"],
    ["list", "1/0"],
  ] as const)
    it(`says that the camera leaves in the ${name}`, async () => {
      const camera = new FalseCamera();
      camera.onRequest = (asked) => (asked === command ? camera.leave() : undefined);
      await failsIn(camera, "find", left);
    });

  it("says that the camera leaves in the upload again and again, or stays away", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked) => (asked === "1/1" ? camera.leave() : undefined);
    await failsIn(camera, "upload", left);
    const away = new FalseCamera();
    away.onRequest = (asked) => (asked === "1/1" ? away.leave() : undefined);
    away.onConnect = (count) => (count > 1 ? new TimeoutError(10_000) : undefined);
    await failsIn(away, "upload", /^The camera has not come back\. The camera was heard, but neither/);
  });

  it("says that the camera leaves when it is asked to try, and in the wait of the trial", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked, count) => (asked === "1/0" && count === 2 ? camera.leave() : undefined);
    await failsIn(camera, "try", left);
    const waiting = new FalseCamera();
    waiting.onRequest = (asked, count) => (asked === "1/0" && count >= 4 ? waiting.leave() : undefined);
    await failsIn(waiting, "confirm", left);
    const away = new FalseCamera();
    away.onRequest = (asked, count) => (asked === "1/0" && count >= 4 ? away.leave() : undefined);
    away.onConnect = (count) => (count > 2 ? new TimeoutError(10_000) : undefined);
    const sentence = /^The camera has not come back\. .* A trial ends by itself 300 s after it began: .*\.$/;
    await failsIn(away, "confirm", sentence);
  });

  it("takes a camera that resets before its answer has left it for one that has", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked) => (asked === "0/5" ? camera.restart() : undefined);
    assert.equal((await deployTo(camera)).error, undefined);
  });

  it("says that what the camera answers is malformed, or no answer at all", async () => {
    const nonsense = new FalseCamera();
    nonsense.onRequest = () => new Uint8Array([0xff]);
    await failsIn(nonsense, "find", /^The camera's answer is malformed \(/);
    const listless = new FalseCamera();
    listless.onRequest = (asked) => (asked === "1/0" ? {} : undefined);
    await failsIn(listless, "find", /^The camera refuses: the camera does not say what it runs$/);
    for (const off of [-1, 1.5e9, "all"]) {
      const wild = new FalseCamera();
      wild.onRequest = (asked) => (asked === "1/1" ? { off } : undefined);
      await failsIn(wild, "upload", /^The camera refuses: the camera does not say what it has$/);
    }
    const stuck = new FalseCamera();
    stuck.onRequest = (asked) => (asked === "1/1" ? { off: 0 } : undefined);
    await failsIn(stuck, "upload", /^The camera refuses: the camera takes no more of the file$/);
  });
});

describe("tools/update/deploy: Ctrl-C", () => {
  /** Interrupts in front of the camera's answer to a request; returns all that it was asked, and what is left there. */
  async function interruptAt(request: string, nth: number) {
    const camera = new FalseCamera();
    const interruption = new AbortController();
    const asked: string[] = [];
    camera.onRequest = (command, count) => {
      asked.push(command);
      if (command === request && count === nth) interruption.abort(new Error("Ctrl-C"));
      return undefined;
    };
    const state: DeployState = {};
    const options = { ...choice(), signal: interruption.signal, trialSeconds: 0, confirm: true, state };
    const { error } = await outcome(deployFile(bundle, camera.central, options));
    assert.equal((error as Error).message, "Ctrl-C");
    return { asked, left: state.left };
  }

  it("in an upload ends it with the frame that is under way", async () => {
    const { asked, left } = await interruptAt("1/1", 2);
    assert.deepEqual(asked.slice(-2), ["1/1", "1/1"]);
    assert.equal(left, "upload");
  });

  it("with the last frame, and with the mark, ends it before the camera is asked for more", async () => {
    const frames = (await interruptAt("1/0", 2)).asked.filter((command) => command === "1/1").length;
    const last = await interruptAt("1/1", frames);
    assert.equal(last.asked.at(-1), "1/1");
    assert.equal(last.left, "upload");
    const marked = await interruptAt("1/0", 2);
    assert.equal(marked.asked.at(-1), "1/0");
    assert.ok(!marked.asked.includes("0/5"), "no reset");
    assert.equal(marked.left, "mark");
  });

  it("in a trial leaves it unconfirmed", async () => {
    const { asked, left } = await interruptAt("1/0", 4);
    assert.equal(asked.filter((command) => command === "1/0").length, 4);
    assert.equal(left, "trial");
  });

  it("with the confirmation, or the mark of a revocation, says what may be done on the camera, though it is done", async () => {
    for (const [isRevocation, nth, sentence] of [
      [false, 5, /^The version may be confirmed on the camera already\.$/],
      [true, 2, /^The key may be revoked on the camera already\.$/],
    ] as const) {
      const camera = new FalseCamera();
      const interruption = new AbortController();
      camera.onRequest = (command, count) =>
        void (command === "1/0" && count === nth && interruption.abort(new Error("Ctrl-C")));
      const { signal } = interruption;
      const state: DeployState = {};
      const options = { ...choice(), signal, trialSeconds: 0, confirm: true, isRevocation, state };
      const work = deployFile(bundle, camera.central, options);
      const { error } = await outcome(sayingWhatIsLeft(work, signal, state));
      assert(error instanceof InterruptedError);
      assert.match(error.message, sentence);
    }
  });

  it("in a frame whose answer does not come ends at once", async () => {
    const interruption = new AbortController();
    let beginWait = (): void => undefined;
    const waits = new Promise<void>((resolve) => {
      beginWait = resolve;
    });
    const characteristic = {
      subscribe: async () => undefined,
      write: async () => undefined,
      notified: ({ signal }: { signal: AbortSignal }) => {
        beginWait();
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    };
    const service = { characteristic: async () => characteristic };
    const connection = { mtu: 515, exchangeMtu: async () => 515, service: async () => service };
    const link = await openManagement(connection as never, interruption.signal);
    const asked = new ManagementClient(link!).echo("hi");
    await waits;
    interruption.abort(new Error("Ctrl-C"));
    await assert.rejects(asked, /Ctrl-C/);
    await assert.rejects(link!.write(new Uint8Array(1)), /Ctrl-C/);
  });
});

describe("tools/update/deploy: a trial of another version", () => {
  const OTHER = new Uint8Array(32).fill(7);

  /** A camera that tries another version until it is reset. */
  function tryingCamera(): FalseCamera {
    const camera = new FalseCamera();
    let isTrying = true;
    camera.onRequest = (asked) => {
      if (asked === "0/5") isTrying = false;
      if (!isTrying) return undefined;
      if (asked === "1/1") return { rc: 10, rsn: "A trial is running; confirm it, or reset the camera." };
      const image = { slot: 0, version: "9.0.0", hash: OTHER, active: true, confirmed: false };
      return asked === "1/0" ? { images: [image] } : undefined;
    };
    return camera;
  }

  const attempt = (more: object) =>
    outcome(
      deployFile(bundle, tryingCamera().central, { ...choice(), trialSeconds: 0, confirm: true, ...more }),
    );

  it("is left alone, and the sentence names --end-trial", async () => {
    await failsIn(tryingCamera(), "upload", /^A version is on trial on the camera.*--end-trial/);
    const { error } = await attempt({ state: { trial: "00" } });
    assert.match((error as Error).message, /--end-trial/);
  });

  for (const [running, expected] of [
    ["shipped", "the application of its image runs"],
    ["recovery", "no application runs, but the recovery service"],
  ] as const)
    it(`says what runs when it has been ended: ${running}`, async () => {
      const camera = tryingCamera();
      const { onRequest } = camera;
      let hasReset = false;
      camera.onRequest = (asked, count) => {
        if (asked === "64/1") return { running };
        const isFirst = asked === "1/0" && hasReset;
        hasReset = asked === "0/5" || (hasReset && !isFirst);
        return isFirst ? { images: [] } : onRequest(asked, count);
      };
      const options = { ...choice(), trialSeconds: 0, confirm: true, endTrial: true };
      const { events } = await outcome(deployFile(bundle, camera.central, options));
      const ended = events.find((event) => event.type === "step:done" && event.step === "end-trial");
      assert.equal((ended as { readonly detail?: string }).detail, expected);
    });

  it("says that the recovery service runs after a version that has failed, and no application", async () => {
    const camera = new FalseCamera();
    camera.onRequest = (asked, count) => {
      if (asked === "64/1") return { running: "recovery", revert: "The last trial has ended: it failed." };
      return asked === "1/0" && count > 2 ? { images: [] } : undefined;
    };
    const sentence =
      /^The camera runs no application, but its recovery service\. The last trial has ended: it failed\.$/;
    await failsIn(camera, "try", sentence);
  });

  it("is ended by a reset with --end-trial, and where it was begun here", async () => {
    for (const more of [{ endTrial: true }, { state: { trial: Buffer.from(OTHER).toString("hex") } }]) {
      const { events, error } = await attempt(more);
      assert.equal(error, undefined);
      const done = events.filter((event) => event.type === "step:done").map(({ step }) => step);
      assert.deepEqual(done, ["find", "end-trial", "upload", "try", "confirm"]);
    }
  });
});

describe("tools/update/deploy: a revocation", () => {
  const options = () => ({ ...choice(), trialSeconds: 0, confirm: true, isRevocation: true });

  it("is carried out when it is marked: nothing is tried, reset or confirmed", async () => {
    const camera = new FalseCamera();
    const asked: string[] = [];
    camera.onRequest = (command) => void asked.push(command);
    const { events, error } = await outcome(deployFile(bundle, camera.central, options()));
    assert.equal(error, undefined);
    const done = events.filter((event) => event.type === "step:done").map(({ step }) => step);
    assert.deepEqual(done, ["find", "upload", "revoke"]);
    assert.deepEqual([asked.at(-1), asked.includes("0/5")], ["1/0", false]);
  });

  it("that the camera refuses is one sentence, and an interruption says what may be done already", async () => {
    const camera = new FalseCamera();
    const rsn = "this camera does not trust the key that the file revokes";
    camera.onRequest = (command, count) => (command === "1/0" && count === 2 ? { rc: 1, rsn } : undefined);
    const state: DeployState = {};
    const { events, error } = await outcome(deployFile(bundle, camera.central, { ...options(), state }));
    assert.equal(reportFailure(error), 1);
    const failures = events.filter((event) => event.type === "step:fail");
    assert.deepEqual(
      failures.map(({ step, message }) => [step, message]),
      [["revoke", `The camera refuses: ${rsn}`]],
    );
    assert.equal(state.left, "revocation");
  });
});

describe("tools/update/deploy: --pair-anew", () => {
  it("deletes the bond with the camera that was found, once, before it connects", async () => {
    const deleted: string[] = [];
    const camera = new FalseCamera();
    let connections = 0;
    camera.onConnect = (count) => {
      connections = count;
      return undefined;
    };
    const bonds = {
      delete: (device: { addrHex(): string }) => {
        assert.equal(connections, 0);
        deleted.push(device.addrHex());
        return true;
      },
    };
    const aioble = { ...camera.central.aioble, security: { bonds } };
    const central = { ...camera.central, aioble } as unknown as Finder;
    const state: DeployState = {};
    const options = { ...choice(), trialSeconds: 0, confirm: true, pairAnew: true, state };
    assert.equal((await outcome(deployFile(bundle, central, options))).error, undefined);
    assert.equal((await outcome(deployFile(bundle, central, options))).error, undefined);
    assert.deepEqual(deleted, ["c0:00:00:00:00:01"]);
    assert.equal(state.camera, "c0:00:00:00:00:01");
    connections = 0;
    const shown = followLogs(central, { ...choice(), maps: [], once: true, pairAnew: true });
    await shown.next();
    await shown.return(undefined);
    assert.equal(deleted.length, 2);
  });
});

describe("tools/update/camera-faults: obscura logs", () => {
  const follow = (camera: FalseCamera, once = true) =>
    outcome(followLogs(camera.central, { ...choice(), maps: [], once }));

  it("has a fault that is one sentence, when the camera does not connect or does not answer", async () => {
    const camera = new FalseCamera();
    camera.onConnect = () => new TimeoutError(10_000);
    const deaf = new FalseCamera();
    deaf.onRequest = (asked) => (asked === "64/0" ? new TimeoutError(5000) : undefined);
    for (const each of [camera, deaf]) {
      const fault = cameraFault((await follow(each)).error);
      assert(fault instanceof ToolError);
      assert.match(fault.message, /^The camera was heard, but neither connects nor answers within \d+ s\. /);
    }
  });

  it("goes on when the camera is back, and ends when it stays away", async () => {
    const camera = new FalseCamera();
    camera.onConnect = (count) => (count === 2 ? new TimeoutError(10_000) : undefined);
    const patient = { ...choice(), returnMs: 60_000, maps: [] };
    camera.onRequest = (asked, count) => {
      if (asked !== "64/0") return undefined;
      if (count === 1) return camera.leave();
      return count === 2 ? undefined : { lines: [] };
    };
    const { events, error } = await outcome(followLogs(camera.central, { ...patient, once: true }));
    assert.equal(error, undefined);
    assert.deepEqual(
      events.map((event) => (event.type === "line" ? event.text : event.type)),
      ["info", "a line"],
    );
    const away = new FalseCamera();
    away.onRequest = (asked) => (asked === "64/0" ? away.leave() : undefined);
    away.onConnect = (count) => (count > 1 ? new TimeoutError(10_000) : undefined);
    const { error: ended } = await follow(away, false);
    assert(ended instanceof ToolError);
    assert.match(ended.message, /^The camera has not come back\. /);
  });
});

describe("tools/update/camera-faults", () => {
  it("leaves defects and this computer's controller what they are", () => {
    for (const error of [new TypeError("x"), new HciError("controller-lost", "gone"), undefined])
      assert.equal(cameraFault(error), error);
    const fault = cameraFault(new GattError(0x0e));
    assert(fault instanceof ToolError);
    assert.match(fault.message, /^The camera does not do what was asked: /);
  });
});
