/** All commands and events that the firmware declares. An image carries only those that it uses. */
import * as baseband from "../../firmware/ble/hci/commands/baseband.ts";
import * as informational from "../../firmware/ble/hci/commands/informational.ts";
import * as leAdvertising from "../../firmware/ble/hci/commands/le-advertising.ts";
import * as leController from "../../firmware/ble/hci/commands/le-controller.ts";
import * as leLink from "../../firmware/ble/hci/commands/le-link.ts";
import * as lePrivacy from "../../firmware/ble/hci/commands/le-privacy.ts";
import * as leScanning from "../../firmware/ble/hci/commands/le-scanning.ts";
import * as leSecurity from "../../firmware/ble/hci/commands/le-security.ts";
import * as linkControl from "../../firmware/ble/hci/commands/link-control.ts";
import * as statusParameters from "../../firmware/ble/hci/commands/status-parameters.ts";
import * as events from "../../firmware/ble/hci/events.ts";
import * as leEvents from "../../firmware/ble/hci/le-events.ts";
import type { AnyCommand, HciEvent } from "../../firmware/ble/hci/packet.ts";

export const COMMANDS: readonly AnyCommand[] = [
  linkControl,
  baseband,
  informational,
  statusParameters,
  leController,
  leAdvertising,
  leScanning,
  leLink,
  leSecurity,
  lePrivacy,
].flatMap((group) => Object.values<AnyCommand>(group));

export const EVENTS: readonly HciEvent[] = [events, leEvents].flatMap((group) =>
  Object.values<HciEvent>(group as Record<string, HciEvent>),
);
