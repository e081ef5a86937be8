/** The central that pairs with the camera of the benchmark: the stack's own steps, with the simulator's cryptography. */
import type { Input, PairingContext, State, Step } from "../../firmware/ble/smp/state.ts";
import { initiate, step } from "../../firmware/ble/smp/step.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { aclPacket, type BenchController, completedPackets, le16 } from "./controller.ts";
import { PASSKEY } from "./script.ts";

const SMP = 0x0006;
const SECURITY_REQUEST = 0x0b;
/** DisplayOnly: the camera types what it shows. */
const DISPLAY_ONLY = 0;

/** LE Long Term Key Request, and Encryption Change. */
const keyRequest = (handle: number): number[] => [
  ...[0x04, 0x3e, 13, 0x05, ...le16(handle)],
  ...new Array<number>(10).fill(0),
];
const encrypted = (handle: number): number[] => [0x04, 0x08, 4, 0, ...le16(handle), 1];

/** Pairs on this link, once the camera asks for it. @param peer this side's address, six bytes in printed order. */
export async function pair(controller: BenchController, handle: number, peer: Uint8Array): Promise<void> {
  const random = new SeededRandom(handle);
  const context: PairingContext = {
    ciphers: simulatedCrypto,
    random: (length) => random.bytes(length),
    settings: {
      io: DISPLAY_ONLY,
      bond: true,
      mitm: false,
      secureConnections: "on",
      minKeySize: 16,
      secureOnly: false,
      methods: undefined,
      keypress: false,
      debugKeys: false,
    },
    outOfBand: {},
    ownAddress: Uint8Array.of(0, ...peer),
    peerAddress: Uint8Array.of(1, ...controller.randomAddress),
    identity: { addressType: 0, address: peer },
    ownIrk: () => new Uint8Array(16).fill(handle),
    previous: undefined,
    isTrusted: true,
    asksConsent: false,
    isTaken: () => false,
    refusalOf: () => 0,
  };
  const central = new Central(controller, handle, context);
  while (!central.isOver) {
    const { pdu, channel } = await controller.next();
    controller.send(completedPackets(1, handle));
    if (channel !== SMP) continue;
    if (pdu[0] === SECURITY_REQUEST) central.take(initiate(context));
    else central.feed({ is: "pdu", pdu: Uint8Array.from(pdu) });
  }
}

/** Encrypts with the bond's key. */
export async function encrypt(controller: BenchController, handle: number): Promise<void> {
  const replied = new Promise<void>((resolve) => {
    controller.onKeyReply = resolve;
  });
  controller.send(keyRequest(handle));
  await replied;
  controller.send(encrypted(handle));
}

class Central {
  isOver = false;
  private state!: State;
  private readonly controller: BenchController;
  private readonly handle: number;
  private readonly context: PairingContext;

  constructor(controller: BenchController, handle: number, context: PairingContext) {
    this.controller = controller;
    this.handle = handle;
    this.context = context;
  }

  feed(input: Input): void {
    this.take(step(this.context, this.state, input));
  }

  take({ state, outputs }: Step): void {
    this.state = state;
    for (const output of outputs) {
      switch (output.do) {
        case "send":
          this.controller.send(aclPacket(this.handle, [...output.pdu], SMP));
          break;
        case "createKeyPair": {
          const privateKey = new SeededRandom(this.handle + 1).bytes(32);
          const publicKey = simulatedCrypto.p256PublicKey(privateKey)!;
          this.feed({ is: "keyPair", keyPair: { privateKey, publicKey } });
          break;
        }
        case "computeSharedSecret": {
          const { privateKey, publicKey } = output;
          const sharedSecret = simulatedCrypto.p256SharedSecret(privateKey, publicKey);
          this.feed({ is: "sharedSecret", sharedSecret });
          break;
        }
        case "ask":
          this.feed({ is: "passkey", passkey: PASSKEY });
          break;
        case "encrypt":
          this.controller.send(keyRequest(this.handle));
          this.controller.onKeyReply = () => {
            this.controller.send(encrypted(this.handle));
            this.feed({ is: "encryption", status: 0 });
          };
          break;
        case "awaitDelivery":
          this.feed({ is: "delivered" });
          break;
        case "finish":
          this.isOver = true;
          break;
        case "fail":
          throw new Error(`the pairing failed: ${output.reason} ${output.source}`);
        default:
      }
    }
  }
}
