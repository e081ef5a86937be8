/** Encryption under the key of a pairing (Vol 3, Part H, 2.4.4; Vol 6, Part B, 5.1.3). */
import { beginDistribution } from "./distribution.ts";
import { PAIRING_FAILURE } from "./pdus.ts";
import type { Run } from "./run.ts";

export function beginEncryption(run: Run, key: Uint8Array): void {
  const { state } = run;
  state.phase = "encrypting";
  state.expects = 0;
  state.key = key;
  // The responder waits until its link layer is asked for the key.
  if (run.isInitiator) run.outputs.push({ do: "encrypt", key, level: run.level });
}

/** The link layer asks for a key. It gets one when everything is verified, and never another. */
export function receiveKeyRequest(run: Run, ediv: number, rand: Uint8Array): void {
  const { state } = run;
  const isForThis = ediv === 0 && rand.every((byte) => byte === 0);
  if (state.phase === "encrypting" && !run.isInitiator && isForThis) {
    run.outputs.push({ do: "answerKey", key: state.key, level: run.level });
    return;
  }
  run.outputs.push({ do: "answerKey", key: undefined, level: run.level });
  run.fail(PAIRING_FAILURE.UNSPECIFIED);
}

/** @param status 0, or the controller's error code. */
export function receiveEncryption(run: Run, status: number): void {
  if (run.state.phase !== "encrypting") return;
  if (status === 0) beginDistribution(run);
  else run.end({ do: "fail", reason: status, source: "controller" });
}
