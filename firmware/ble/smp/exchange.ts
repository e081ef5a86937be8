/** Commitments and nonces: authentication stage 1 of both protocols (Vol 3, Part H, 2.3.5.5 and 2.3.5.6). */
import { beginCheck } from "./check.ts";
import { beginEncryption } from "./encrypting.ts";
import { type Exchange, LEGACY_EXCHANGE, SECURE_EXCHANGE } from "./method.ts";
import { keypressNotification, PAIRING_FAILURE, pairingConfirm, pairingRandom } from "./pdus.ts";
import type { Run } from "./run.ts";
import { c1, f4, maskKey, passkeyBytes, s1 } from "./toolbox.ts";

const KEYPRESS = { STARTED: 0, COMPLETED: 4 } as const;

/** A passkey's bit goes to its commitment with this bit set (2.3.5.6.3). */
const BIT_MARK = 0x80;

function exchangeOf({ state }: Run): Exchange {
  return state.isSecureConnections ? SECURE_EXCHANGE[state.choice.method] : LEGACY_EXCHANGE;
}

/** Whether commitments need a secret that users have, or hold. */
function needsSecret({ state }: Run): boolean {
  return !state.isSecureConnections || state.choice.method === "passkey";
}

export function beginExchange(run: Run): void {
  run.state.phase = "exchange";
  run.state.round = 0;
  beginRound(run);
  if (run.state.phase !== "exchange") return;
  if (needsSecret(run)) run.askForSecret();
  if (run.state.usesKeypress && typesHere(run)) {
    run.send(keypressNotification, { notificationType: KEYPRESS.STARTED });
  }
  resume(run);
}

function typesHere({ isInitiator, state: { choice } }: Run): boolean {
  return isInitiator ? choice.initiatorTypes : choice.responderTypes;
}

function beginRound(run: Run): void {
  const { state, context } = run;
  const { initiatorConfirms, responderConfirms } = exchangeOf(run);
  state.nonce = context.random(16);
  state.confirm = state.peerConfirm = state.peerNonce = undefined;
  if (run.isInitiator) {
    if (initiatorConfirms) expectNothingBut(run, 0);
    else if (responderConfirms) expectNothingBut(run, pairingConfirm.bit);
    else sendRandom(run);
  } else if (initiatorConfirms) expectNothingBut(run, pairingConfirm.bit);
  else {
    if (responderConfirms) sendConfirm(run);
    expectNothingBut(run, pairingRandom.bit);
  }
}

/** Keypress notifications may come at any time of an exchange that has them. */
function expectNothingBut({ state }: Run, bits: number): void {
  state.expects = state.usesKeypress ? bits | keypressNotification.bit : bits;
}

/** Goes on where the secret is there and was waited for. */
function resume(run: Run): void {
  const { state } = run;
  if (state.phase !== "exchange" || !state.secret || state.confirm) return;
  if (run.isInitiator) {
    sendConfirm(run);
    expectNothingBut(run, pairingConfirm.bit);
  } else if (state.peerConfirm) {
    sendConfirm(run);
    expectNothingBut(run, pairingRandom.bit);
  }
}

/** The user typed the passkey, or it is shown; undefined: the user gave up. */
export function receivePasskey(run: Run, passkey: number | undefined): void {
  const { state } = run;
  if (state.phase !== "exchange" || state.choice.method !== "passkey" || state.secret) return;
  if (passkey === undefined || !(passkey >= 0 && passkey <= 999_999) || Math.floor(passkey) !== passkey) {
    return run.fail(PAIRING_FAILURE.PASSKEY_ENTRY_FAILED);
  }
  state.passkey = passkey;
  state.secret = passkeyBytes(passkey);
  if (state.usesKeypress && typesHere(run)) {
    run.send(keypressNotification, { notificationType: KEYPRESS.COMPLETED });
  }
  resume(run);
}

function sendConfirm(run: Run): void {
  const { state } = run;
  state.confirm = commitment(run, true, state.nonce!);
  run.sendValue(pairingConfirm, state.confirm);
}

function sendRandom(run: Run): void {
  run.sendValue(pairingRandom, run.state.nonce!);
  if (run.isInitiator) expectNothingBut(run, pairingRandom.bit);
}

/** The commitment of one side to its nonce. */
function commitment(run: Run, isOwn: boolean, nonce: Uint8Array): Uint8Array {
  const { state, context } = run;
  const { ciphers, ownAddress, peerAddress } = context;
  if (!state.isSecureConnections) {
    const [initiator, responder] = run.isInitiator ? [ownAddress, peerAddress] : [peerAddress, ownAddress];
    return c1(ciphers, state.secret!, nonce, state.request!, state.response!, initiator, responder);
  }
  const own = state.ownX!;
  const peer = state.peerX!;
  const z = state.choice.method === "passkey" ? BIT_MARK | ((state.passkey! >> state.round) & 1) : 0;
  return isOwn ? f4(ciphers, own, peer, nonce, z) : f4(ciphers, peer, own, nonce, z);
}

export function receiveConfirm(run: Run, confirm: Uint8Array): void {
  const { context, state } = run;
  // Who sends our own commitment back knows no more than it (H 2.3.5.5).
  if (state.confirm && context.ciphers.isSameSecret(confirm, state.confirm)) {
    return run.failAuthentication(PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
  }
  state.peerConfirm = confirm;
  if (run.isInitiator) return sendRandom(run);
  expectNothingBut(run, 0);
  resume(run);
}

export function receiveRandom(run: Run, nonce: Uint8Array): void {
  const { context, state } = run;
  const { ciphers } = context;
  const { rounds } = exchangeOf(run);
  state.peerNonce = nonce;
  const isReflected =
    !state.isSecureConnections && run.isInitiator && ciphers.isSameSecret(nonce, state.nonce!);
  const isKept = !state.peerConfirm || ciphers.isSameSecret(commitment(run, false, nonce), state.peerConfirm);
  if (isReflected || !isKept) return run.failAuthentication(PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
  if (!run.isInitiator) sendRandom(run);
  state.round++;
  if (state.round < rounds) {
    beginRound(run);
    return resume(run);
  }
  if (state.isSecureConnections) return beginCheck(run);
  const [own, peer] = [state.nonce!, nonce];
  const key = run.isInitiator ? s1(ciphers, state.secret!, peer, own) : s1(ciphers, state.secret!, own, peer);
  beginEncryption(run, maskKey(key, state.keySize));
}
