/** Authentication stage 2 of LE Secure Connections: the numbers, and the DHKey checks (Vol 3, Part H, 2.3.5.6.5). */
import { beginEncryption } from "./encrypting.ts";
import { PAIRING_FAILURE, pairingDhkeyCheck } from "./pdus.ts";
import type { Run } from "./run.ts";
import { f5, f6, g2, maskKey } from "./toolbox.ts";

const NO_RANDOM = new Uint8Array(16);

export function beginCheck(run: Run): void {
  const { state } = run;
  state.phase = "check";
  state.expects = run.isInitiator ? 0 : pairingDhkeyCheck.bit;
  state.isCompared = state.choice.method !== "comparison";
  if (!state.isCompared) {
    const { first, second, nonces } = ordered(run);
    const number = g2(run.context.ciphers, first, second, ...nonces);
    run.outputs.push({ do: "ask", question: { asks: "compare", number } });
  }
  proceed(run);
}

/** The x coordinates of the keys and the nonces: the initiator's, then the responder's. */
function ordered({ isInitiator, state }: Run) {
  const [own, peer] = [state.ownX!, state.peerX!];
  const nonces: [Uint8Array, Uint8Array] = isInitiator
    ? [state.nonce!, state.peerNonce!]
    : [state.peerNonce!, state.nonce!];
  return isInitiator ? { first: own, second: peer, nonces } : { first: peer, second: own, nonces };
}

export function receiveCompared(run: Run, isEqual: boolean): void {
  const { state } = run;
  if (state.phase !== "check" || state.isCompared) return;
  if (!isEqual) return run.failAuthentication(PAIRING_FAILURE.NUMERIC_COMPARISON_FAILED);
  state.isCompared = true;
  proceed(run);
}

/** The Diffie-Hellman key was computed; undefined: the peer's key is not on the curve. */
export function receiveSharedSecret(run: Run, sharedSecret: Uint8Array | undefined): void {
  const { state } = run;
  if (state.phase !== "exchange" && state.phase !== "check") return;
  if (!sharedSecret) return run.fail(PAIRING_FAILURE.DHKEY_CHECK_FAILED);
  state.sharedSecret = sharedSecret;
  if (state.phase === "check") proceed(run);
}

export function receiveCheck(run: Run, check: Uint8Array): void {
  run.state.expects = 0;
  run.state.peerCheck = check;
  proceed(run);
}

/** Goes on as far as the secret, the user and the peer have come. */
function proceed(run: Run): void {
  const { context, state } = run;
  if (!state.sharedSecret || !state.isCompared) return;
  if (!state.macKey) {
    const { nonces } = ordered(run);
    const { ownAddress, peerAddress } = context;
    const addresses: [Uint8Array, Uint8Array] = run.isInitiator
      ? [ownAddress, peerAddress]
      : [peerAddress, ownAddress];
    const { macKey, longTermKey } = f5(context.ciphers, state.sharedSecret, ...nonces, ...addresses);
    state.macKey = macKey;
    state.key = maskKey(longTermKey, state.keySize);
    longTermKey.fill(0);
  }
  if (run.isInitiator && !state.isCheckSent) {
    sendCheck(run);
    state.expects = pairingDhkeyCheck.bit;
    return;
  }
  if (!state.peerCheck) return;
  if (!context.ciphers.isSameSecret(state.peerCheck, checkOf(run, false))) {
    return run.failAuthentication(PAIRING_FAILURE.DHKEY_CHECK_FAILED);
  }
  if (!run.isInitiator) sendCheck(run);
  beginEncryption(run, state.key!);
}

function sendCheck(run: Run): void {
  run.state.isCheckSent = true;
  run.sendValue(pairingDhkeyCheck, checkOf(run, true));
}

/** The check value of one side. */
function checkOf(run: Run, isOwn: boolean): Uint8Array {
  const { context, state } = run;
  const { ciphers, ownAddress, peerAddress } = context;
  const [own, peer] = run.isInitiator ? [state.request!, state.response!] : [state.response!, state.request!];
  const macKey = state.macKey!;
  const [ownNonce, peerNonce] = [state.nonce!, state.peerNonce!];
  if (isOwn) {
    return f6(
      ciphers,
      macKey,
      ownNonce,
      peerNonce,
      randomOf(run, false),
      ioCap(own),
      ownAddress,
      peerAddress,
    );
  }
  return f6(ciphers, macKey, peerNonce, ownNonce, randomOf(run, true), ioCap(peer), peerAddress, ownAddress);
}

/**
 * What goes into the other side's check: the passkey, or the number that was handed out out of band. It counts as 0 where
 * the other has not received it, as its flag says.
 * @param isOwn this side's, else the peer's.
 */
function randomOf({ context: { outOfBand }, state }: Run, isOwn: boolean): Uint8Array {
  const { method } = state.choice;
  if (method === "passkey") return state.secret!;
  if (method !== "outOfBand") return NO_RANDOM;
  const hasIt = isOwn ? state.peer.oobDataFlag : state.own.oobDataFlag;
  if (hasIt === 0) return NO_RANDOM;
  return isOwn ? outOfBand.own!.random : outOfBand.peer!.random;
}

/** AuthReq, OOB data flag and IO capability as f6 takes them: of the PDU as it was on the air (2.2.8). */
function ioCap(pdu: Uint8Array): Uint8Array {
  return Uint8Array.of(pdu[3]!, pdu[2]!, pdu[1]!);
}
