/** Every command that is declared somewhere, in one namespace. */
export * from "../../firmware/ble/hci/commands/baseband.ts";
export * from "../../firmware/ble/hci/commands/informational.ts";
export * from "../../firmware/ble/hci/commands/le-advertising.ts";
export * from "../../firmware/ble/hci/commands/le-controller.ts";
export * from "../../firmware/ble/hci/commands/le-link.ts";
export * from "../../firmware/ble/hci/commands/le-privacy.ts";
export * from "../../firmware/ble/hci/commands/le-scanning.ts";
export * from "../../firmware/ble/hci/commands/le-security.ts";
export * from "../../firmware/ble/hci/commands/link-control.ts";
export * from "../../firmware/ble/hci/commands/status-parameters.ts";
export * from "../../simulator/controller/more-commands.ts";
