/** Asking the application, which may take its time. */
import { TRANSACTION_TIMEOUT_MS } from "../../att/bearer.ts";
import { ATT_ERROR } from "../../att/errors.ts";
import { textOf } from "../../text.ts";
import { isAnswer, type Question } from "./answers.ts";
import type { OpenQuestion, ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";

/** The application has less time to answer than the client waits (Vol 3, Part F, 3.3.3). */
const ANSWER_TIMEOUT_MS = TRANSACTION_TIMEOUT_MS - 1000;

/** Questions of one client that may be open. It has one request at a time; the others are commands. */
export const QUESTIONS_MAX = 16;

/**
 * Asks the application and goes on with its answer: at once, or when its promise settles. An exception, a rejection, an
 * answer that comes too late, and one that is none (see `isAnswer`) count as Unlikely Error, with a line in the log. A
 * request that a new registration overtook is refused: its handle means something else by now. Nothing is done once the
 * link is gone.
 * @param bytes that are kept until the answer comes.
 */
export function ask<T>(
  bearer: ServerBearer,
  attribute: Attribute,
  kind: Question,
  question: () => T | PromiseLike<T>,
  next: (answer: T | number) => void,
  bytes: number,
): void {
  const { context } = bearer;
  const { database } = context;
  const blocks = kind !== "command";
  if (!blocks && bearer.questions.size >= QUESTIONS_MAX) return next(tooMany(bearer));
  const go = (answer: T | number): void => {
    if (database !== context.database) return next(overtaken(bearer, blocks));
    if (isAnswer(kind, answer)) return next(answer);
    const given = answer instanceof Uint8Array ? `an array of ${answer.length} bytes` : textOf(answer);
    context.blame(attribute, `${given} is no answer to a ${kind}`);
    next(ATT_ERROR.UNLIKELY_ERROR);
  };
  const fail = (error: unknown): void => {
    context.blame(attribute, error);
    go(ATT_ERROR.UNLIKELY_ERROR);
  };
  let answer: T | PromiseLike<T>;
  let later: Promise<T> | undefined;
  try {
    answer = question();
    if (typeof (answer as PromiseLike<T> | undefined)?.then === "function") later = Promise.resolve(answer);
  } catch (error) {
    return fail(error);
  }
  if (!later) return go(answer as T);
  const open = openQuestion(bearer, blocks, bytes, () => fail(`no answer within ${ANSWER_TIMEOUT_MS} ms`));
  later.then(
    (result) => {
      if (open && settle(bearer, open)) go(result);
    },
    (error: unknown) => {
      if (open && settle(bearer, open)) fail(error);
    },
  );
  if (!open) go(ATT_ERROR.INSUFFICIENT_RESOURCES);
}

/**
 * Marks the question as asked, with its timer; undefined when there is no timer for it, or it is one of many and the
 * link's share has no room for it.
 */
function openQuestion(
  bearer: ServerBearer,
  blocks: boolean,
  bytes: number,
  onTimeout: () => void,
): OpenQuestion | undefined {
  const { clock, log } = bearer.context.port;
  const expire = (): void => {
    if (settle(bearer, open)) onTimeout();
  };
  const { account } = bearer;
  if (!(blocks ? account.fitsForced(bytes) : account.fits(bytes))) {
    account.refuse();
    return undefined;
  }
  let open: OpenQuestion;
  try {
    // Before anything is marked: a question without a timer could block the client for ever.
    open = { timer: clock.setTimer(expire, ANSWER_TIMEOUT_MS), blocks, bytes };
  } catch (error) {
    log("warning", `gatt: the application's later answer is not awaited: ${textOf(error)}`);
    return undefined;
  }
  account.force(bytes);
  bearer.questions.add(open);
  if (blocks) bearer.busy = true;
  return open;
}

/** Whether somebody still waits for the answer; nobody does from now on. */
function settle(bearer: ServerBearer, open: OpenQuestion): boolean {
  if (!bearer.questions.delete(open)) return false;
  const { clock } = bearer.context.port;
  clock.clearTimer(open.timer);
  bearer.account.give(open.bytes);
  if (open.blocks) bearer.busy = false;
  return true;
}

/** A client sends commands faster than the application decides about them. */
function tooMany({ context }: ServerBearer): number {
  if (!context.hasWarnedOfQuestions) {
    context.hasWarnedOfQuestions = true;
    context.port.log(
      "warning",
      `gatt: dropped a write without response: the application has not answered the ${QUESTIONS_MAX} before it`,
    );
  }
  return ATT_ERROR.INSUFFICIENT_RESOURCES;
}

/** Why a request is refused that was under way when the database changed. */
function overtaken({ session }: ServerBearer, blocks: boolean): number {
  if (!(blocks && session.changeUnaware)) return ATT_ERROR.UNLIKELY_ERROR;
  session.awareAtNextRequest = true;
  return ATT_ERROR.DATABASE_OUT_OF_SYNC;
}
