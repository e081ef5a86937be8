/** For tests of what lies on HCI: a session with a scripted controller, without the host that begins one. */
import { reset } from "../../firmware/ble/hci/commands/baseband.ts";
import type { Hci } from "../../firmware/ble/hci/hci.ts";
import { shiftedView } from "./bytes.ts";
import { commandComplete, type ScriptedController, SILENCE } from "./scripted-controller.ts";

/** Opens the line, with Reset answered and the controller set up, in no time. Nothing of it is left in `sent`. */
export function beginSession(hci: Hci, controller: ScriptedController): void {
  openSession(hci, controller);
  hci.run();
}

/** As `beginSession`, with a controller that is still to be set up. */
export function openSession(hci: Hci, controller: ScriptedController): void {
  // The look at controllers that say nothing would be among the timers that tests count. It has tests of its own.
  hci.silenceMs = 0;
  hci.open();
  controller.script(reset.opcode, SILENCE);
  void hci.sendSetup(reset, {});
  hci.onPacket(shiftedView(commandComplete(reset.opcode)));
  controller.sent.pop();
}
