/** What a peer may send on the Security Manager's channel: the first byte of an input's first packet says what the camera is. */
import { readFileSync } from "node:fs";
import type { LongTermKey } from "../../firmware/ble/smp/keys.ts";
import { SecurityManager } from "../../firmware/ble/smp/manager.ts";
import { SMP_PDUS } from "../../firmware/ble/smp/pdus.ts";
import type { Dialog, SecuredLink } from "../../firmware/ble/smp/port.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { toHex } from "../support/bytes.ts";
import type { Target } from "./fuzzer.ts";

/** Answers to one packet: a check, its random number and its keys. */
const ANSWERS_MAX = 8;
/** Timers of one link: the Security Manager's, and computations that wait. */
const TIMERS_MAX = 3;

class FuzzManager {
  readonly sent: Uint8Array[] = [];
  readonly log: string[] = [];
  private readonly timers = new Set<{ readonly callback: () => void; readonly dueMs: number }>();
  private nowMs = 0;
  private readonly dialogs: Dialog[] = [];
  /** Keys that the link layer was given. */
  keys = 0;
  readonly link: SecuredLink;
  readonly manager: SecurityManager;

  constructor(isCentral: boolean, io: number, random: SeededRandom) {
    const { sent, timers, dialogs } = this;
    this.link = {
      handle: 0x40,
      isCentral,
      ownAddress: { addressType: 1, address: Uint8Array.of(0xc0, 1, 2, 3, 4, 5) },
      peerAddress: { addressType: 1, address: Uint8Array.of(0xc0, 9, 9, 9, 9, 9) },
      channel: {
        receiver: undefined,
        send: (_header: number, pdu: Uint8Array) => sent.push(pdu.slice()) > 0,
      } as unknown as SecuredLink["channel"],
      secured() {},
    };
    this.manager = new SecurityManager({
      clock: {
        now: () => this.nowMs,
        setTimer: (callback, delayMs) => {
          const timer = { callback, dueMs: this.nowMs + delayMs };
          timers.add(timer);
          return timer;
        },
        clearTimer: (timer) => void timers.delete(timer as never),
      },
      crypto: simulatedCrypto,
      random: (length) => random.bytes(length),
      settings: {
        pairing: "always",
        bond: true,
        mitm: false,
        io,
        leSecure: true,
        minKeySize: 7,
        secureOnly: false,
        securityRequestMs: 1000,
      },
      bonds: {
        find: () => undefined,
        all: () => [],
        hasRoom: () => true,
        canRewrite: () => true,
        areStrangersSpent: false,
        keep: () => {},
        forget: () => false,
        ownIrk: () => new Uint8Array(16).fill(7),
      },
      ownIdentity: () => this.link.ownAddress,
      encrypt: async (_link: SecuredLink, _key: LongTermKey) => void this.keys++,
      answerKeyRequest: (_link, key) => {
        if (key) this.keys++;
      },
      whenDelivered: () => () => {},
      endLink() {},
      onSecurity: () => {},
      onBondLost() {},
      onUnproven() {},
      log: (_level, message) => this.log.push(message),
    });
    this.manager.handler = {
      io,
      asksConsent: false,
      hearsKeypresses: true,
      outOfBand: {},
      ask: (dialog) => void dialogs.push(dialog),
      withdraw: () => {},
      keypress: () => {},
    };
    this.manager.open(this.link);
  }

  receive(packet: Uint8Array): void {
    const view = new DataView(packet.buffer as ArrayBuffer, packet.byteOffset, packet.byteLength);
    this.link.channel.receiver?.receive(view, 0, packet.length);
  }

  /** The users answer, computations are done: whatever is due at once. */
  settle(random: SeededRandom): void {
    for (let dialog = this.dialogs.shift(); dialog; dialog = this.dialogs.shift()) {
      dialog.answer([random.below(1_000_000), true, false, undefined][random.below(4)]);
    }
    this.advance(0);
  }

  advance(milliseconds: number): void {
    this.nowMs += milliseconds;
    for (let turn = 0; turn < 8; turn++) {
      const due = [...this.timers].filter(({ dueMs }) => dueMs <= this.nowMs);
      for (const timer of due) {
        this.timers.delete(timer);
        timer.callback();
      }
    }
  }

  get timerCount(): number {
    return this.timers.size;
  }
}

function checkAnswers(fuzzed: FuzzManager): void {
  const sent = fuzzed.sent.splice(0);
  if (sent.length > ANSWERS_MAX) throw new Error(`${sent.length} answers to one packet`);
  for (const pdu of sent) {
    if (SMP_PDUS[pdu[0]! - 1]?.length !== pdu.length) throw new Error(`sent ${toHex(pdu)}`);
    if (pdu[0]! >= 0x06 && pdu[0]! <= 0x0a) throw new Error(`a key on a plain link: ${toHex(pdu)}`);
  }
  if (fuzzed.timerCount > TIMERS_MAX) throw new Error(`${fuzzed.timerCount} timers`);
}

function run(packets: readonly Uint8Array[], random: SeededRandom): void {
  const isCentral = (packets[0]?.[0] ?? 0) === 0x0b;
  const fuzzed = new FuzzManager(isCentral, random.below(5), random);
  for (const packet of packets) {
    fuzzed.receive(packet);
    checkAnswers(fuzzed);
    fuzzed.settle(random);
    if (random.below(4) === 0) fuzzed.manager.keyRequested(fuzzed.link, 0, new Uint8Array(8));
    checkAnswers(fuzzed);
  }
  // Whatever came before: on another link an honest request is answered, once nobody has to wait.
  fuzzed.manager.close(fuzzed.link);
  if (fuzzed.timerCount > 1) throw new Error(`${fuzzed.timerCount} timers stay`);
  fuzzed.advance(3_600_000);
  fuzzed.sent.length = 0;
  fuzzed.manager.open({ ...fuzzed.link, isCentral: false });
  fuzzed.receive(Uint8Array.of(0x01, 0x03, 0x00, 0x09, 0x10, 0x03, 0x03));
  if (fuzzed.sent[0]?.[0] !== 0x02) throw new Error("an honest request after it was not answered");
}

function invent(random: SeededRandom): Uint8Array {
  const { code, length } = SMP_PDUS[random.below(SMP_PDUS.length)]!;
  const pdu = random.bytes(random.below(8) === 0 ? random.below(70) : length);
  if (pdu.length > 0) pdu[0] = code;
  if (code <= 2 && pdu.length === 7) {
    pdu.set([random.below(5), random.below(2), random.below(32), 7 + random.below(10), 3, 3], 1);
  }
  return pdu;
}

export const smp: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/smp.json", import.meta.url), "utf8")),
  invent,
  run,
};
