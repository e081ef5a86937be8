/** Vendor commands of the Cypress/Infineon CYW43 family (as Linux' hci_bcm and Zephyr's h4_ifx_cyw43xxx send them). */
import { address, bytes, rest, u8, u32 } from "../ble/codec.ts";
import { defineCommand } from "../ble/hci/packet.ts";
import { LAUNCH_RAM, WRITE_RAM } from "./patch.ts";

/** Vendor commands have no bit among the supported commands. */
const NO_BIT = [0, 0] as const;

/** The answer comes at the old rate, then the controller changes. */
export const updateBaudRate = defineCommand("Update Baud Rate", 0xfc18, NO_BIT, {
  encodedBaudRate: bytes(2),
  baudRate: u32,
});

/** The public address, until the supply is gone. */
export const writeBdAddr = defineCommand("Write BD_ADDR", 0xfc01, NO_BIT, { bdAddr: address });

/** From here on Write RAM is taken. */
export const downloadMinidriver = defineCommand("Download Minidriver", 0xfc2e, NO_BIT, {});

/** An address, little endian, and what is written there: one record of a patch. */
export const writeRam = defineCommand("Write RAM", WRITE_RAM, NO_BIT, { addressAndData: rest });

/** Ends the download: the controller starts what was written. */
export const launchRam = defineCommand("Launch RAM", LAUNCH_RAM, NO_BIT, { addressAndData: rest });

export const setSleepModeParameters = defineCommand("Set Sleepmode Param", 0xfc27, NO_BIT, {
  /** 0 none, 1 UART with the wake lines. */
  sleepMode: u8,
  /** Idle time before the host, and the controller, count as idle, in units of 300 ms. */
  hostIdleThreshold: u8,
  controllerIdleThreshold: u8,
  /** Active level of DEV_WAKE, and of HOST_WAKE: 0 low, 1 high. */
  devWakePolarity: u8,
  hostWakePolarity: u8,
  allowHostSleepDuringSco: u8,
  combineSleepModeAndLpm: u8,
  tristateTxWhileAsleep: u8,
  /** Of controllers on USB. */
  usb: bytes(3),
  pulsedHostWake: u8,
});
