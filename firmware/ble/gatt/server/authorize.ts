/** What only the application grants, access by access (Vol 3, Part C, 10.5). */
import { ATT_ERROR } from "../../att/errors.ts";
import { type Access, needsAuthorization } from "../access.ts";
import type { ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";

/**
 * Goes on with `then` where the application grants the access, or need not; else Insufficient Authorization. Throws and
 * rejects with what the application's hook does.
 */
export function whenGranted<T>(
  bearer: ServerBearer,
  attribute: Attribute,
  access: Access,
  then: () => T | PromiseLike<T>,
): T | number | PromiseLike<T | number> {
  if (!needsAuthorization(attribute, access)) return then();
  const granted = attribute.hooks?.onAuthorize?.(bearer.session.peer, access, attribute);
  const go = (isGranted: unknown): T | number | PromiseLike<T | number> =>
    isGranted === true ? then() : ATT_ERROR.INSUFFICIENT_AUTHORIZATION;
  const isLater = typeof (granted as PromiseLike<boolean> | undefined)?.then === "function";
  return isLater ? (granted as PromiseLike<boolean>).then(go) : go(granted);
}
