/**
 * A pairing, of either role and either protocol (Vol 3, Part H, 2.3). `step` changes the state that it is given, keeps
 * nothing, and does nothing else but by its outputs: the same state, input and random numbers give the same state and outputs.
 * What differs from method to method stands in method.ts.
 */
import { decode, type Fields, type Values, viewOf } from "../codec.ts";
import { receiveCheck, receiveCompared, receiveSharedSecret } from "./check.ts";
import {
  receiveDelivered,
  receiveIdentification,
  receiveIdentity,
  receiveIrk,
  receiveLongTermKey,
} from "./distribution.ts";
import { receiveEncryption, receiveKeyRequest } from "./encrypting.ts";
import { receiveConfirm, receivePasskey, receiveRandom } from "./exchange.ts";
import { newState, receiveConsent, receiveRequest, receiveResponse, sendRequest } from "./features.ts";
import {
  centralIdentification,
  encryptionInformation,
  identityAddressInformation,
  identityInformation,
  keypressNotification,
  PAIRING_FAILURE,
  pairingConfirm,
  pairingDhkeyCheck,
  pairingFailed,
  pairingPublicKey,
  pairingRandom,
  pairingRequest,
  pairingResponse,
  SMP_PDUS,
  type SmpPdu,
  securityRequest,
  valueIn,
} from "./pdus.ts";
import { haveKeyPair, publicKeyOf, receivePublicKey } from "./public-keys.ts";
import { Run } from "./run.ts";
import type { Input, PairingContext, PeerFeatures, State, Step } from "./state.ts";

/** The declaration of a PDU; undefined for reserved codes and for nothing at all. */
export function findPdu(pdu: Uint8Array): SmpPdu | undefined {
  return pdu.length === 0 ? undefined : SMP_PDUS[pdu[0]! - 1];
}

/** The fields of a PDU of the right length. */
export function fieldsOf<F extends Fields>({ fields }: SmpPdu<F>, pdu: Uint8Array): Values<F> {
  return decode(fields, viewOf(pdu), 1, pdu.length, true)!;
}

/** What takes each PDU that the state expects. */
type Receiver = (run: Run, pdu: Uint8Array) => void;

function receiver<F extends Fields>(
  pdu: SmpPdu<F>,
  take: (run: Run, values: Values<F>, pdu: Uint8Array) => void,
): Receiver {
  return (run, bytes) => take(run, fieldsOf(pdu, bytes), bytes);
}

/** By code. */
const RECEIVERS: Readonly<Record<number, Receiver>> = {
  [pairingResponse.code]: receiver(pairingResponse, receiveResponse),
  [pairingConfirm.code]: (run, pdu) => receiveConfirm(run, valueIn(pdu)),
  [pairingRandom.code]: (run, pdu) => receiveRandom(run, valueIn(pdu)),
  [encryptionInformation.code]: receiver(encryptionInformation, (run, { longTermKey }) =>
    receiveLongTermKey(run, longTermKey),
  ),
  [centralIdentification.code]: receiver(
    centralIdentification,
    (run, { encryptedDiversifier, randomNumber }) =>
      receiveIdentification(run, encryptedDiversifier, randomNumber),
  ),
  [identityInformation.code]: receiver(identityInformation, (run, { identityResolvingKey }) =>
    receiveIrk(run, identityResolvingKey),
  ),
  [identityAddressInformation.code]: receiver(identityAddressInformation, (run, { addressType, bdAddr }) =>
    receiveIdentity(run, { addressType, address: bdAddr }),
  ),
  [pairingPublicKey.code]: receiver(pairingPublicKey, (run, key) => receivePublicKey(run, publicKeyOf(key))),
  [pairingDhkeyCheck.code]: (run, pdu) => receiveCheck(run, valueIn(pdu)),
  [keypressNotification.code]: receiver(keypressNotification, (run, { notificationType }) => {
    run.outputs.push({ do: "showKeypress", kind: notificationType });
  }),
};

function stepOf({ state, outputs }: Run): Step {
  return { state, outputs };
}

/** The central begins to pair. */
export function initiate(context: PairingContext): Step {
  const run = new Run(context, newState(context, "initiator"));
  sendRequest(run);
  return stepOf(run);
}

/**
 * The peripheral is sent a Pairing Request.
 * @param pdu of any length.
 * @param refusal reason of Pairing Failed why it does not pair, with nobody or not with this peer; 0 when it may. It goes
 *   before what is wrong with the PDU: who has to wait waits whatever it sends (2.3.6).
 */
export function respondTo(context: PairingContext, pdu: Uint8Array, refusal: number): Step {
  const run = new Run(context, newState(context, "responder"));
  if (refusal !== 0) run.fail(refusal);
  else if (pdu.length !== pairingRequest.length) run.fail(PAIRING_FAILURE.INVALID_PARAMETERS);
  else receiveRequest(run, fieldsOf(pairingRequest, pdu) as PeerFeatures, pdu);
  return stepOf(run);
}

/** What comes of an input. A pairing that is over takes no more. @param state changes, and is the step's afterwards. */
export function step(context: PairingContext, state: State, input: Input): Step {
  if (state.phase === "over") return { state, outputs: [] };
  const run = new Run(context, state);
  switch (input.is) {
    case "pdu":
      receive(run, input.pdu);
      break;
    case "keyPair":
      haveKeyPair(run, input.keyPair);
      break;
    case "sharedSecret":
      receiveSharedSecret(run, input.sharedSecret);
      break;
    case "consent":
      receiveConsent(run, input.granted);
      break;
    case "passkey":
      receivePasskey(run, input.passkey);
      break;
    case "compared":
      receiveCompared(run, input.isEqual);
      break;
    case "keyRequest":
      receiveKeyRequest(run, input.ediv, input.rand);
      break;
    case "encryption":
      receiveEncryption(run, input.status);
      break;
    case "delivered":
      receiveDelivered(run);
      break;
    default:
      run.fail(input.reason);
  }
  return stepOf(run);
}

function receive(run: Run, pdu: Uint8Array): void {
  const declared = findPdu(pdu);
  if (!declared) return; // Reserved codes mean nothing (3.3).
  const { code } = declared;
  if (code === pairingFailed.code) {
    // Whatever its length: it ends the pairing, and is never answered.
    const reason = pdu[1] ?? PAIRING_FAILURE.UNSPECIFIED;
    return run.end({ do: "fail", reason, source: "peer" });
  }
  if (isOfOtherRole(run, code)) return run.fail(PAIRING_FAILURE.COMMAND_NOT_SUPPORTED);
  // A Security Request of before may cross the Pairing Request: it asks for what is under way (2.4.6).
  if (code === securityRequest.code) return;
  if (pdu.length !== declared.length) return run.fail(PAIRING_FAILURE.INVALID_PARAMETERS);
  if ((run.state.expects & declared.bit) === 0) return run.fail(PAIRING_FAILURE.UNSPECIFIED);
  RECEIVERS[code]!(run, pdu);
}

/** Whether only the role that this side has may send such a PDU (Table 3.3). */
export function isOfOtherRole({ isInitiator }: { readonly isInitiator: boolean }, code: number): boolean {
  return isInitiator
    ? code === pairingRequest.code
    : code === pairingResponse.code || code === securityRequest.code;
}

/** Overwrites what nobody may find in memory afterwards. Keys of a result are copies of their own. */
export function wipe({ keyPair, sharedSecret, secret, nonce, macKey, key }: State): void {
  for (const bytes of [keyPair?.privateKey, sharedSecret, secret, nonce, macKey, key]) bytes?.fill(0);
}
