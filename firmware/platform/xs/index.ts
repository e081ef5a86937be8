import { formatOrigin } from "../format.ts";
import type { Crypto, HciReceiver, HciTransport, Platform } from "../platform.ts";
import { createFlash } from "./flash.ts";
import type { Native } from "./native.ts";

/** The part of the heap's floor that peers may fill: the fifth. The rest is what the stack and its links always need. */
const PEER_PART = 5;

/** The part of the heap's growth that captured writes may fill where an application has asked for many. */
const CAPTURE_PART = 4;

/** The platform of a camera, but for what features add: hands every call to the C side. */
export function createXsPlatform(native: Native): Platform {
  const { floorBytes, mostBytes } = native.heap();
  const peerBytes = Math.floor(floorBytes / PEER_PART);
  return {
    clock: {
      now: () => native.clockNow(),
      setTimer: (callback, delayMs) => native.timerSet(callback, delayMs),
      clearTimer: (timer) => native.timerClear(timer as number),
    },
    transport: createTransport(native),
    copyBytes: native.copyBytes,
    random: (length) => native.random(length),
    crypto: createCrypto(native),
    uniqueId: () => native.uniqueId(),
    flash: createFlash(native),
    peerBytes,
    captureBytes: Math.max(peerBytes, Math.floor((mostBytes - floorBytes) / CAPTURE_PART)),
    log: (level, message, error) => {
      if (error === undefined) native.consoleWrite(level, message);
      else if (error instanceof Error) native.consoleWrite(level, message + formatOrigin(error));
      else native.consoleWrite(level, message + native.thrownAt(error));
    },
  };
}

function createCrypto(native: Native): Crypto {
  return {
    aes128: native.aes128,
    aesCmac: native.aesCmac,
    isSameSecret: native.isSameSecret,
    p256PublicKey: native.p256PublicKey,
    p256SharedSecret: native.p256SharedSecret,
  };
}

function createTransport(native: Native): HciTransport {
  return {
    open(receiver: HciReceiver) {
      native.hciOpen(
        receiver.onPacket,
        () => receiver.onWritable(),
        (reason) => receiver.onFailure(reason),
        receiver.onCompleted,
        receiver.onSucceeded,
      );
    },
    write: native.hciWrite,
    gather: native.hciGather,
    close: () => native.hciClose(),
  };
}
