/** Phase 3: each side hands its keys over, the responder first (Vol 3, Part H, 2.4.3 and 3.6). */
import { isIdentity, isSameIdentity } from "./identities.ts";
import type { Identity, LongTermKey } from "./keys.ts";
import {
  centralIdentification,
  encryptionInformation,
  identityAddressInformation,
  identityInformation,
  KEY_DISTRIBUTION,
  PAIRING_FAILURE,
} from "./pdus.ts";
import type { Run } from "./run.ts";
import type { PairingResult } from "./state.ts";
import { maskKey } from "./toolbox.ts";

/** The key of a pairing of LE Secure Connections has no name on the air. */
const UNNAMED = { ediv: 0, rand: new Uint8Array(8) } as const;

export function beginDistribution(run: Run): void {
  const { state } = run;
  state.phase = "distributing";
  const { initiator, responder } = distributed(run);
  const fromPeer = run.isInitiator ? responder : initiator;
  state.awaited = codesOf(fromPeer);
  if (!run.isInitiator) sendKeys(run, responder);
  expectNext(run);
}

/** What each side distributes: what the Pairing Response grants. Under LE Secure Connections both have the key already. */
function distributed({ isInitiator, state }: Run): {
  readonly initiator: number;
  readonly responder: number;
} {
  const { initiatorKeyDistribution, responderKeyDistribution } = isInitiator ? state.peer : state.own;
  const mask = state.isSecureConnections ? ~KEY_DISTRIBUTION.ENC_KEY : ~0;
  return { initiator: initiatorKeyDistribution & mask, responder: responderKeyDistribution & mask };
}

function codesOf(keys: number): number[] {
  const codes: number[] = [];
  if (keys & KEY_DISTRIBUTION.ENC_KEY) codes.push(encryptionInformation.code, centralIdentification.code);
  if (keys & KEY_DISTRIBUTION.ID_KEY) codes.push(identityInformation.code, identityAddressInformation.code);
  return codes;
}

function sendKeys(run: Run, keys: number): void {
  const { context, state } = run;
  if (keys & KEY_DISTRIBUTION.ENC_KEY) {
    const key = maskKey(context.random(16), state.keySize);
    const [low, high] = context.random(2) as unknown as readonly [number, number];
    const distributed = { key, ediv: low | (high << 8), rand: context.random(8) };
    state.distributed = distributed;
    run.send(encryptionInformation, { longTermKey: key });
    run.send(centralIdentification, {
      encryptedDiversifier: distributed.ediv,
      randomNumber: distributed.rand,
    });
  }
  if (keys & KEY_DISTRIBUTION.ID_KEY) {
    const { addressType, address } = context.identity;
    run.send(identityInformation, { identityResolvingKey: context.ownIrk() });
    run.send(identityAddressInformation, { addressType, bdAddr: address });
  }
}

/** The next key of the peer, or when there is none what follows. */
function expectNext(run: Run): void {
  const { state } = run;
  const [next] = state.awaited;
  if (next !== undefined) {
    state.expects = 1 << next;
    return;
  }
  state.expects = 0;
  const { initiator, responder } = distributed(run);
  if (run.isInitiator) sendKeys(run, initiator);
  // Who sends last is done when that has arrived; the other has heard the last already.
  const sendsLast = run.isInitiator ? initiator !== 0 : initiator === 0 && responder !== 0;
  if (!sendsLast) return finish(run);
  state.phase = "sent";
  run.outputs.push({ do: "awaitDelivery" });
}

function received(run: Run, keys: Partial<Run["state"]["received"]>): void {
  const { state } = run;
  state.received = { ...state.received, ...keys };
  state.awaited = state.awaited.slice(1);
  expectNext(run);
}

export function receiveLongTermKey(run: Run, longTermKey: Uint8Array): void {
  received(run, { longTermKey });
}

export function receiveIdentification(run: Run, ediv: number, rand: Uint8Array): void {
  received(run, { named: { ediv, rand } });
}

/** All zero: the peer has no Identity Resolving Key, and its address is all that it is known by (3.6.4). */
export function receiveIrk(run: Run, irk: Uint8Array): void {
  received(run, irk.every((byte) => byte === 0) ? {} : { irk });
}

export function receiveIdentity(run: Run, identity: Identity): void {
  const { context, state } = run;
  if (
    !isIdentity(identity) ||
    isSameIdentity(identity, context.identity) ||
    context.isTaken(identity, state.received.irk, run.level)
  ) {
    return run.fail(PAIRING_FAILURE.KEY_REJECTED);
  }
  received(run, { identity });
}

/** The peer has everything that was sent. */
export function receiveDelivered(run: Run): void {
  if (run.state.phase === "sent") finish(run);
}

function finish(run: Run): void {
  const { state } = run;
  const { irk, identity, longTermKey, named } = state.received;
  const shared: LongTermKey | undefined = state.isSecureConnections
    ? { key: state.key!.slice(), ...UNNAMED }
    : undefined;
  const theirs = longTermKey && named && { key: maskKey(longTermKey, state.keySize), ...named };
  const result: PairingResult = {
    level: run.level,
    method: state.choice.method,
    isBonding: state.isBonding,
    irk,
    identity,
    keyAsPeripheral: shared ?? state.distributed,
    keyAsCentral: shared ?? theirs,
  };
  const refusal = run.context.refusalOf(result);
  if (refusal === 0) run.end({ do: "finish", result });
  else run.fail(refusal);
}
