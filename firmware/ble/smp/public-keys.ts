/** Public keys of LE Secure Connections (Vol 3, Part H, 2.3.5.6.1). */
import { beginExchange } from "./exchange.ts";
import { PAIRING_FAILURE, pairingPublicKey } from "./pdus.ts";
import type { Run } from "./run.ts";
import type { KeyPair } from "./state.ts";
import { f4, join, xOf } from "./toolbox.ts";

/** The x coordinate of the debug key pair, whose private key is in the Specification. */
const DEBUG_X = Uint8Array.of(
  0x20,
  0xb0,
  0x03,
  0xd2,
  0xf2,
  0x97,
  0xbe,
  0x2c,
  0x5e,
  0x2c,
  0x83,
  0xa7,
  0xe9,
  0xf9,
  0xa5,
  0xb9,
  0xef,
  0xf4,
  0x91,
  0x11,
  0xac,
  0xf4,
  0xfd,
  0xdb,
  0xcc,
  0x03,
  0x01,
  0x48,
  0x0e,
  0x35,
  0x9d,
  0xe6,
);

export function beginKeys(run: Run): void {
  const { choice, peer } = run.state;
  const { own } = run.context.outOfBand;
  run.state.phase = "keys";
  // The responder is sent the first key; the initiator sends it when it has one.
  run.state.expects = run.isInitiator ? 0 : pairingPublicKey.bit;
  // What was handed out out of band commits to this key pair.
  if (own && choice.method === "outOfBand" && peer.oobDataFlag === 1)
    haveKeyPair(run, { privateKey: own.privateKey.slice(), publicKey: own.publicKey });
  else run.outputs.push({ do: "createKeyPair" });
}

export function haveKeyPair(run: Run, keyPair: KeyPair): void {
  const { state } = run;
  if (state.phase !== "keys" || state.keyPair) return;
  state.keyPair = keyPair;
  if (run.isInitiator) {
    sendPublicKey(run);
    state.expects = pairingPublicKey.bit;
  } else if (state.peerPublicKey) proceed(run);
}

export function receivePublicKey(run: Run, publicKey: Uint8Array): void {
  const { state } = run;
  state.expects = 0;
  state.peerPublicKey = publicKey;
  if (state.keyPair) proceed(run);
}

function sendPublicKey(run: Run): void {
  const { publicKey } = run.state.keyPair!;
  run.send(pairingPublicKey, { x: publicKey.slice(0, 32), y: publicKey.slice(32) });
}

/** Both keys are there. */
function proceed(run: Run): void {
  const { context, state } = run;
  const { privateKey, publicKey } = state.keyPair!;
  const peer = state.peerPublicKey!;
  const { isSameSecret } = context.ciphers;
  const ownX = xOf(publicKey);
  const peerX = xOf(peer);
  const isDebugKey = isSameSecret(peerX, DEBUG_X);
  // The x coordinate alone: whoever sends ours back may have turned the sign of y.
  const isReflected = isSameSecret(peerX, ownX);
  if (isReflected) return run.fail(PAIRING_FAILURE.DHKEY_CHECK_FAILED);
  if (isDebugKey && !context.settings.debugKeys) return run.fail(PAIRING_FAILURE.INVALID_PARAMETERS);
  if (!isCommittedTo(run, peerX)) return run.failAuthentication(PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
  state.ownX = ownX;
  state.peerX = peerX;
  if (!run.isInitiator) sendPublicKey(run);
  run.outputs.push({ do: "computeSharedSecret", privateKey, publicKey: peer });
  beginExchange(run);
}

/** Whether the key is the one that the peer's out-of-band data commits to; it is where there is none. */
function isCommittedTo({ context: { ciphers, outOfBand }, state }: Run, x: Uint8Array): boolean {
  if (state.choice.method !== "outOfBand" || !outOfBand.peer) return true;
  const { confirm, random } = outOfBand.peer;
  return ciphers.isSameSecret(f4(ciphers, x, x, random, 0), confirm);
}

/** A public key from its coordinates on the air. */
export function publicKeyOf({ x, y }: { readonly x: Uint8Array; readonly y: Uint8Array }): Uint8Array {
  return join(x, y);
}
