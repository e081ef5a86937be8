/** All commands and events that are declared, for traces and tests: an image carries only those that it uses. */
import * as baseband from "./commands/baseband.ts";
import * as informational from "./commands/informational.ts";
import * as leAdvertising from "./commands/le-advertising.ts";
import * as leController from "./commands/le-controller.ts";
import * as leLink from "./commands/le-link.ts";
import * as leScanning from "./commands/le-scanning.ts";
import * as leSecurity from "./commands/le-security.ts";
import * as linkControl from "./commands/link-control.ts";
import * as statusParameters from "./commands/status-parameters.ts";
import * as events from "./events.ts";
import * as leEvents from "./le-events.ts";
import type { AnyCommand, HciEvent } from "./packet.ts";

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
].flatMap((group) => Object.values<AnyCommand>(group));

export const EVENTS: readonly HciEvent[] = [events, leEvents].flatMap((group) =>
  Object.values<HciEvent>(group as Record<string, HciEvent>),
);
