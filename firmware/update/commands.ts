/** The commands that a management server knows, by group and number. */
import { CborError, type CborMap, decodeMap, encodeMap } from "./cbor.ts";
import { CommandError, RC, refused } from "./errors.ts";
import { HEADER_LENGTH, type Header, OPERATION, readHeader, VERSION, writeFrame } from "./frames.ts";
import { UpdateError } from "./store.ts";

/** What a command is handed. */
export interface Request {
  readonly map: CborMap;
  /** Who asks: one object for each link. */
  readonly client: object;
  /** Calls back once the client has the answer, or its link has ended. */
  afterAnswer(callback: () => void): void;
}

/** @throws CommandError to refuse. */
export type Command = (request: Request) => CborMap | Promise<CborMap>;

/** One command, which may be read, written, or both. */
export interface CommandPair {
  readonly read?: Command;
  readonly write?: Command;
}

/** A group of commands, by their numbers. */
export type CommandGroup = Readonly<Record<number, CommandPair>>;

/** Longest reason that an answer carries, in characters. */
const REASON_MAX = 120;

export class Commands {
  private readonly groups: Readonly<Record<number, CommandGroup>>;
  private readonly onFault: (error: unknown) => void;

  /** @param onFault is handed what a command throws that is no refusal. */
  constructor(groups: Readonly<Record<number, CommandGroup>>, onFault: (error: unknown) => void) {
    this.groups = groups;
    this.onFault = onFault;
  }

  /** The answer to a whole frame; undefined for one that is itself an answer. Never rejects. */
  async answer(frame: Uint8Array, request: Omit<Request, "map">): Promise<Uint8Array | undefined> {
    const header = readHeader(frame);
    if (!isRequest(header)) return undefined;
    try {
      const map = decodeMap(frame.subarray(HEADER_LENGTH));
      return answerFrame(header, await this.commandOf(header)({ ...request, map }));
    } catch (error) {
      return errorFrame(header, this.refusalOf(error));
    }
  }

  private commandOf({ group, command, operation }: Header): Command {
    const pair = this.groups[group]?.[command];
    const found = operation === OPERATION.READ ? pair?.read : pair?.write;
    if (!found) throw new CommandError(RC.NOT_SUPPORTED, "this camera has no such command");
    return found;
  }

  private refusalOf(error: unknown): CommandError {
    if (error instanceof CommandError) return error;
    if (error instanceof UpdateError) return refused(error);
    if (error instanceof CborError)
      return new CommandError(RC.INVALID, `the request is malformed: ${error.message}`);
    this.onFault(error);
    return new CommandError(RC.UNKNOWN, "the camera failed; its console says why");
  }
}

const isRequest = ({ operation }: Header): boolean =>
  operation === OPERATION.READ || operation === OPERATION.WRITE;

/** Answers in the version that was asked in, or in the newest that there is here. */
function answerFrame(header: Header, map: CborMap): Uint8Array {
  const version = Math.min(header.version, VERSION.SECOND);
  return writeFrame({ ...header, operation: header.operation + 1, version, flags: 0 }, encodeMap(map));
}

/**
 * The answer that refuses. Errors of a group are `err` in version 1, which has no place for a reason; those of any group are
 * `rc` in both versions, as clients expect them.
 */
function errorFrame(header: Header, { rc, groupError, message }: CommandError): Uint8Array {
  const isOfGroup = groupError && header.version !== VERSION.FIRST;
  return answerFrame(header, isOfGroup ? { err: groupError } : { rc, rsn: message.slice(0, REASON_MAX) });
}

/** The answer that refuses a frame of which nothing but the header is known; undefined for one that is no request. */
export function refuseFrame(header: Header, error: CommandError): Uint8Array | undefined {
  return isRequest(header) ? errorFrame(header, error) : undefined;
}

/** A whole number, 0 or more, of a request. @throws CommandError for anything else. */
export function optionalCount(map: CborMap, key: string): number | undefined {
  const value = map[key];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || value < 0) throw new CommandError(RC.INVALID, `${key} is no count`);
  return value;
}

/** Bytes of a request. @throws CommandError for anything else. */
export function optionalBytes(map: CborMap, key: string): Uint8Array | undefined {
  const value = map[key];
  if (value === undefined || value instanceof Uint8Array) return value;
  throw new CommandError(RC.INVALID, `${key} is no byte string`);
}

/** Text of a request. @throws CommandError for anything else. */
export function optionalText(map: CborMap, key: string): string | undefined {
  const value = map[key];
  if (value === undefined || typeof value === "string") return value;
  throw new CommandError(RC.INVALID, `${key} is no text`);
}

/** A boolean of a request, false when it is not there. @throws CommandError for anything else. */
export function flagOf(map: CborMap, key: string): boolean {
  const value = map[key] ?? false;
  if (typeof value === "boolean") return value;
  throw new CommandError(RC.INVALID, `${key} is no boolean`);
}
