/** A camera as `obscura deploy` and `obscura logs` meet it over the air, that answers as a test has it. */
import assert from "node:assert/strict";
import { DeviceDisconnectedError, TimeoutError } from "../../firmware/aioble/errors.ts";
import { type CborMap, decodeMap, encodeMap } from "../../firmware/update/cbor.ts";
import {
  HEADER_LENGTH,
  type Header,
  OPERATION,
  readHeader,
  writeFrame,
} from "../../firmware/update/frames.ts";
import { SERVICE_UUID } from "../../firmware/update/service.ts";
import { reportFailure } from "../../tools/cli/perform.ts";
import type { Operation, ToolEvent } from "../../tools/events.ts";
import type { Finder } from "../../tools/update/camera-finder.ts";
import { deployFile } from "../../tools/update/deploy.ts";
import { parseVersion, readSigned, signBody } from "../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey } from "../../tools/update/keys.ts";

/** A signed version 3.0.0. */
export const bundle = signBody(
  new Uint8Array(600),
  parseVersion("3.0.0"),
  readSigningKey(developmentKeyFile),
);
const { digest } = readSigned(bundle);

/** What a camera does with one request: an answer, bytes that are none, or the error that its client meets. */
type Reply = CborMap | Uint8Array | Error;

/** A camera that takes a bundle and tries it, until a test has it do otherwise. */
export class FalseCamera {
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

/** All that an operation says, and how it ends. */
export async function outcome(operation: Operation): Promise<{ events: ToolEvent[]; error: unknown }> {
  const events: ToolEvent[] = [];
  try {
    for await (const event of operation) events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

/** For whoever waits for no camera that is away. */
export const choice = () => ({ returnMs: 0, signal: new AbortController().signal });

/** `obscura deploy` of a version that this camera has not. */
export const deployTo = (camera: FalseCamera) =>
  outcome(deployFile(bundle, camera.central, { ...choice(), trialSeconds: 0, confirm: true }));

/** The command ends in one step's failure, with this sentence, and with status 1. */
export async function failsIn(camera: FalseCamera, name: string, expected: RegExp): Promise<void> {
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
