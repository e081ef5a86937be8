/** Waits that end by a peer's silence, while the peer cannot be asked. */
import type { GateUser, OperationGate } from "../ble/operation-gate.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import type { Pending } from "./wait.ts";

/** Keeps a wait from ending by the peer's silence of `silenceMs`; what it returns ends that. */
export function postponing(
  clock: Clock,
  pending: Pick<Pending<unknown>, "postpone">,
  silenceMs: number,
): () => void {
  let timer: Timer;
  const postpone = (): void => {
    pending.postpone();
    timer = clock.setTimer(postpone, silenceMs / 2);
  };
  postpone();
  return () => clock.clearTimer(timer);
}

/** The same as long as the gate holds back what is waited for. Undefined where it does not. */
export function whileHeld(
  clock: Clock,
  pending: Pick<Pending<unknown>, "postpone">,
  silenceMs: number,
  gate: OperationGate | undefined,
): (() => void) | undefined {
  if (!gate?.isHeld) return undefined;
  const end = postponing(clock, pending, silenceMs);
  const user: GateUser = {
    decided() {
      end();
      pending.postpone();
    },
  };
  gate.join(user);
  return () => {
    gate.leave(user);
    end();
  };
}
