/** Starting, restarting and refusing encryption (Vol 6, Part B, 5.1.3), and the controller's AES. */
import { ecb } from "@noble/ciphers/aes.js";
import { sameBytes } from "../../firmware/ble/codec.ts";
import { encryptionChange, encryptionKeyRefreshComplete } from "../../firmware/ble/hci/events.ts";
import { leLongTermKeyRequest } from "../../firmware/ble/hci/le-events.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { LinkEnd } from "./link-end.ts";
import { LE_FEATURE } from "./options.ts";
import type { Control } from "./pdu.ts";
import type { Procedures } from "./procedures.ts";

/** LE Encrypt (Vol 4, Part E, 7.8.22): AES-128 of one block; least significant byte first, as on the wire. */
export function encryptBlock(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = ecb(key.slice().reverse(), { disablePadding: true });
  return cipher.encrypt(plaintext.slice().reverse()).slice().reverse();
}

export class Encryption {
  private readonly end: LinkEnd;
  private readonly procedures: Procedures;
  /** The long term key, while encryption starts and afterwards. */
  private key: Uint8Array | undefined = undefined;
  /** The link was encrypted already: its key is being refreshed. */
  private refreshing = false;
  /** The peripheral's host was asked for the key. */
  private asked = false;
  private request: Control | undefined = undefined;

  constructor(end: LinkEnd, procedures: Procedures) {
    this.end = end;
    this.procedures = procedures;
  }

  /** LE Enable Encryption, by the central. */
  enable(randomNumber: Uint8Array, encryptedDiversifier: number, key: Uint8Array): void {
    this.key = key;
    this.end.dataPaused = true;
    this.refreshing = this.end.encrypted;
    this.request = { name: "LL_ENC_REQ", randomNumber, encryptedDiversifier };
    this.procedures.begin(this.refreshing ? { name: "LL_PAUSE_ENC_REQ" } : this.request, (error) =>
      this.report(error),
    );
  }

  /** The peripheral's host answers the request for its key; undefined when it has none. False when nobody asked. */
  answer(key: Uint8Array | undefined): boolean {
    if (!this.asked) return false;
    this.asked = false;
    if (key) {
      this.key = key;
      this.end.send({ name: "LL_START_ENC_REQ" });
    } else if (this.refreshing) {
      // Once paused, a link must not go on in the clear (5.1.3.2).
      this.end.terminate(HCI_STATUS.PIN_OR_KEY_MISSING);
    } else {
      this.refuse(HCI_STATUS.PIN_OR_KEY_MISSING);
    }
    return true;
  }

  private refuse(error: number): void {
    this.end.dataPaused = false;
    this.procedures.reject("LL_ENC_REQ", error);
  }

  /** Takes the PDUs of encryption; false for others. */
  receive(control: Control): boolean {
    const end = this.end;
    switch (control.name) {
      case "LL_ENC_REQ":
        this.receiveRequest(control);
        return true;
      case "LL_ENC_RSP":
        return true;
      case "LL_START_ENC_REQ":
        end.send({ name: "LL_START_ENC_RSP", key: this.key! });
        return true;
      case "LL_START_ENC_RSP":
        this.receiveStarted(control.key);
        return true;
      case "LL_PAUSE_ENC_REQ":
        end.dataPaused = true;
        end.encrypted = false;
        this.refreshing = true;
        end.send({ name: "LL_PAUSE_ENC_RSP" });
        return true;
      case "LL_PAUSE_ENC_RSP":
        end.encrypted = false;
        end.send(this.request!);
        return true;
      default:
        return false;
    }
  }

  private receiveRequest(control: Extract<Control, { name: "LL_ENC_REQ" }>): void {
    const end = this.end;
    if (!end.owner.has(LE_FEATURE.ENCRYPTION)) {
      end.send({ name: "LL_UNKNOWN_RSP", unknown: control.name });
      return;
    }
    end.dataPaused = true;
    end.send({ name: "LL_ENC_RSP" });
    this.asked = true;
    const { randomNumber, encryptedDiversifier } = control;
    const delivered = end.owner.emit(leLongTermKeyRequest, {
      connectionHandle: end.handle,
      randomNumber,
      encryptedDiversifier,
    });
    if (!delivered) this.answer(undefined);
  }

  /** The first encrypted packet of the peer: with another key its integrity check fails (Vol 6, Part B, 5.1.3.1). */
  private receiveStarted(peerKey: Uint8Array): void {
    const end = this.end;
    if (!this.key || !sameBytes(peerKey, this.key)) return end.finish(HCI_STATUS.MIC_FAILURE);
    const peripheral = end.events.peripheral === end;
    if (peripheral) end.send({ name: "LL_START_ENC_RSP", key: this.key });
    else this.procedures.finish();
    end.encrypted = true;
    this.report(HCI_STATUS.SUCCESS);
  }

  private report(status: number): void {
    const { owner, handle, encrypted } = this.end;
    this.end.dataPaused = false;
    if (this.refreshing && status === HCI_STATUS.SUCCESS) {
      owner.emit(encryptionKeyRefreshComplete, { status, connectionHandle: handle });
    } else {
      owner.emit(encryptionChange, {
        status,
        connectionHandle: handle,
        encryptionEnabled: encrypted ? 1 : 0,
      });
    }
    this.refreshing = false;
  }
}
