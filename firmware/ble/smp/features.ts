/** Phase 1: what both sides can do and want, and what comes of it (Vol 3, Part H, 2.3.1 and 3.5). */
import { beginExchange } from "./exchange.ts";
import { type Abilities, type Choice, chooseMethod, IO_MAX } from "./method.ts";
import { AUTH_REQ, KEY_DISTRIBUTION, PAIRING_FAILURE, pairingRequest, pairingResponse } from "./pdus.ts";
import { beginKeys } from "./public-keys.ts";
import { encodeSmp, type Run } from "./run.ts";
import type { PairingContext, PairingRole, PeerFeatures, State } from "./state.ts";

/** The longest key that this side supports, and there is: 16 bytes. */
const MAX_KEY_SIZE = 16;
const MIN_KEY_SIZE = 7;

const NO_FEATURES: PeerFeatures = Object.freeze({
  ioCapability: 0,
  oobDataFlag: 0,
  authReq: 0,
  maximumEncryptionKeySize: 0,
  initiatorKeyDistribution: 0,
  responderKeyDistribution: 0,
});

const NO_CHOICE: Choice = { method: "justWorks", initiatorTypes: false, responderTypes: false };

/** AuthReq for these settings: a MITM bit only where a user, or data out of band, can confirm something (C 10.3.1). */
export function authReqOf({ settings }: Pick<PairingContext, "settings">): number {
  return (
    (settings.bond ? AUTH_REQ.BONDING : 0) |
    (settings.mitm || settings.asksMitm ? AUTH_REQ.MITM : 0) |
    (settings.secureConnections === "off" ? 0 : AUTH_REQ.SC) |
    (settings.keypress ? AUTH_REQ.KEYPRESS : 0)
  );
}

function ownFeatures(context: PairingContext): PeerFeatures {
  const { settings, outOfBand } = context;
  const keys = settings.bond ? KEY_DISTRIBUTION.ENC_KEY | KEY_DISTRIBUTION.ID_KEY : 0;
  return {
    ioCapability: settings.io,
    oobDataFlag: outOfBand.peer || outOfBand.temporaryKey ? 1 : 0,
    authReq: authReqOf(context),
    maximumEncryptionKeySize: MAX_KEY_SIZE,
    initiatorKeyDistribution: keys,
    responderKeyDistribution: keys,
  };
}

/** A pairing of which nothing has happened yet. */
export function newState(context: PairingContext, role: PairingRole): State {
  return {
    role,
    phase: "features",
    expects: role === "initiator" ? pairingResponse.bit : pairingRequest.bit,
    request: undefined,
    response: undefined,
    own: ownFeatures(context),
    peer: NO_FEATURES,
    isSecureConnections: false,
    choice: NO_CHOICE,
    keySize: 0,
    isBonding: false,
    usesKeypress: false,
    keyPair: undefined,
    peerPublicKey: undefined,
    ownX: undefined,
    peerX: undefined,
    sharedSecret: undefined,
    round: 0,
    secret: undefined,
    passkey: undefined,
    nonce: undefined,
    confirm: undefined,
    peerConfirm: undefined,
    peerNonce: undefined,
    isCompared: false,
    macKey: undefined,
    isCheckSent: false,
    peerCheck: undefined,
    key: undefined,
    awaited: [],
    received: {},
    wasGuess: false,
    distributed: undefined,
  };
}

/** The initiator asks. */
export function sendRequest(run: Run): void {
  const { state } = run;
  state.request = encodeSmp(pairingRequest, state.own);
  run.outputs.push({ do: "send", pdu: state.request });
}

/** Whether a field is outside its range, reserved bits apart (3.5.1). */
function isInvalid({ ioCapability, oobDataFlag, maximumEncryptionKeySize }: PeerFeatures): boolean {
  return (
    ioCapability > IO_MAX ||
    oobDataFlag > 1 ||
    maximumEncryptionKeySize < MIN_KEY_SIZE ||
    maximumEncryptionKeySize > MAX_KEY_SIZE
  );
}

/** The responder is asked. */
export function receiveRequest(run: Run, features: PeerFeatures, pdu: Uint8Array): void {
  const { state } = run;
  if (isInvalid(features)) return run.fail(PAIRING_FAILURE.INVALID_PARAMETERS);
  state.request = pdu;
  state.peer = features;
  choose(run);
}

function respond(run: Run): void {
  const { state } = run;
  const { peer } = state;
  const own = {
    ...state.own,
    initiatorKeyDistribution: state.own.initiatorKeyDistribution & peer.initiatorKeyDistribution,
    responderKeyDistribution: state.own.responderKeyDistribution & peer.responderKeyDistribution,
  };
  if (!state.isBonding) own.initiatorKeyDistribution = own.responderKeyDistribution = 0;
  state.own = own;
  state.response = encodeSmp(pairingResponse, own);
  run.outputs.push({ do: "send", pdu: state.response });
  beginPhase2(run);
}

/** The initiator is answered. */
export function receiveResponse(run: Run, features: PeerFeatures, pdu: Uint8Array): void {
  const { state } = run;
  const beyond =
    (features.initiatorKeyDistribution & ~state.own.initiatorKeyDistribution) |
    (features.responderKeyDistribution & ~state.own.responderKeyDistribution);
  if (isInvalid(features) || (beyond & 0x0f) !== 0) return run.fail(PAIRING_FAILURE.INVALID_PARAMETERS);
  state.response = pdu;
  state.peer = features;
  choose(run);
}

function abilities({ ioCapability, oobDataFlag, authReq }: PeerFeatures): Abilities {
  return { io: ioCapability, hasOob: oobDataFlag === 1, mitm: (authReq & AUTH_REQ.MITM) !== 0 };
}

/** Decides on protocol, method and key size, and goes on where that is enough, and no bond is replaced that may not be. */
function choose(run: Run): void {
  const { context, state } = run;
  const { own, peer } = state;
  const both = own.authReq & peer.authReq;
  state.isSecureConnections = (both & AUTH_REQ.SC) !== 0;
  state.isBonding = [own, peer].every(
    ({ authReq }) => (authReq & AUTH_REQ.BONDING_MASK) === AUTH_REQ.BONDING,
  );
  state.keySize = Math.min(own.maximumEncryptionKeySize, peer.maximumEncryptionKeySize);
  const [initiator, responder] = run.isInitiator ? [own, peer] : [peer, own];
  state.choice = chooseMethod(abilities(initiator), abilities(responder), state.isSecureConnections);
  state.usesKeypress = (both & AUTH_REQ.KEYPRESS) !== 0 && state.choice.method === "passkey";
  const reason = shortcoming(context, run);
  if (reason !== 0) return run.fail(reason);
  const { level } = run;
  if (!context.asksConsent) {
    const { previous, isTrusted } = context;
    const mayGoOn = !previous || isTrusted || level.isAuthenticated;
    return mayGoOn ? goOn(run) : run.fail(PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
  }
  state.phase = "consent";
  state.expects = 0;
  run.outputs.push({ do: "ask", question: { asks: "consent", method: state.choice.method, level } });
}

/** The application has answered. */
export function receiveConsent(run: Run, granted: boolean): void {
  if (run.state.phase !== "consent") return;
  if (granted) goOn(run);
  else run.fail(PAIRING_FAILURE.PAIRING_NOT_SUPPORTED);
}

function goOn(run: Run): void {
  if (run.isInitiator) beginPhase2(run);
  else respond(run);
}

function shortcoming(context: PairingContext, run: Run): number {
  const { settings, outOfBand, previous } = context;
  const { isAuthenticated, isSecureConnections, keySize } = run.level;
  const { method } = run.state.choice;
  if (keySize < (settings.secureOnly ? MAX_KEY_SIZE : settings.minKeySize)) {
    return PAIRING_FAILURE.ENCRYPTION_KEY_SIZE;
  }
  const isEnough =
    (isSecureConnections || (settings.secureConnections !== "only" && !settings.secureOnly)) &&
    (isAuthenticated || !(settings.secureOnly || settings.mitm)) &&
    (settings.methods === undefined || settings.methods.includes(method));
  if (!isEnough) return PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS;
  if (previous && isWeaker(run.level, previous)) return PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS;
  if (method !== "outOfBand") return 0;
  const hasData = isSecureConnections ? hasOobData(run) : outOfBand.temporaryKey !== undefined;
  return hasData ? 0 : PAIRING_FAILURE.OOB_NOT_AVAILABLE;
}

/** What each side says that it has of the other must be there. */
function hasOobData({ context: { outOfBand }, state: { own, peer } }: Run): boolean {
  if (own.oobDataFlag === 1 && !outOfBand.peer) return false;
  return peer.oobDataFlag === 0 || outOfBand.own !== undefined;
}

/** Whether a bond would lose by a pairing: in any respect, for a gain in another is no excuse. */
export function isWeaker(
  level: { isAuthenticated: boolean; isSecureConnections: boolean; keySize: number },
  previous: { isAuthenticated: boolean; isSecureConnections: boolean; keySize: number },
): boolean {
  return (
    (previous.isAuthenticated && !level.isAuthenticated) ||
    (previous.isSecureConnections && !level.isSecureConnections) ||
    level.keySize < previous.keySize
  );
}

function beginPhase2(run: Run): void {
  if (run.state.isSecureConnections) beginKeys(run);
  else beginExchange(run);
}
