/** Where commands come in and answers go out: credits, and the faults that concern them (Vol 4, Part E, 4.4 and 4.5). */
import { decode, encodeInto, type Fields, type Values, Writer } from "../../firmware/ble/codec.ts";
import { reset } from "../../firmware/ble/hci/commands/baseband.ts";
import { commandComplete, commandStatus } from "../../firmware/ble/hci/events.ts";
import type { AnyCommand } from "../../firmware/ble/hci/packet.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { type CommandTable, refusedValues } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { eventPacket } from "./event-packet.ts";

export class CommandPort {
  readonly table: CommandTable;
  private readonly controller: Controller;
  private credits: number;

  constructor(controller: Controller, table: CommandTable) {
    this.controller = controller;
    this.table = table;
    this.credits = controller.options.commandPackets;
  }

  /** Every credit is back. */
  restore(): void {
    this.credits = this.controller.options.commandPackets;
  }

  /** Takes a command; its parameters begin at offset 4 of `view`. */
  receive(opcode: number, view: DataView): void {
    const { controller } = this;
    controller.commands.push(opcode);
    // Reset is how a host starts over, whatever it is owed (Vol 4, Part E, 4.4).
    if (opcode === reset.opcode) this.restore();
    if (this.credits === 0) {
      controller.violations.push(`command 0x${opcode.toString(16)} without a credit`);
      return;
    }
    this.credits--;
    const { silent } = controller.faults;
    if (silent === true || (silent !== false && silent.includes(opcode))) return;
    const answer = this.execute(opcode, view);
    const { answerDelayMs } = controller.faults;
    const delayMs = typeof answerDelayMs === "number" ? answerDelayMs : (answerDelayMs.get(opcode) ?? 0);
    if (delayMs === 0) this.send(answer);
    else controller.clock.setTimer(() => this.send(answer), delayMs);
  }

  private send(answer: Uint8Array): void {
    const { controller } = this;
    const { creditDelayMs } = controller.faults;
    if (creditDelayMs === undefined) {
      this.restore();
    } else {
      // Num_HCI_Command_Packets stands first in Command Complete and second in Command Status.
      answer[answer[1] === commandComplete.code ? 3 : 4] = 0;
      controller.clock.setTimer(() => {
        this.restore();
        controller.emit(commandComplete, {
          numHciCommandPackets: this.credits,
          commandOpcode: 0,
          returnParameters: new Uint8Array(0),
        });
      }, creditDelayMs);
    }
    controller.deliver(answer);
    if (controller.faults.duplicate.includes(answer[1]!)) controller.deliver(answer.slice());
  }

  /** Does what the command says and returns the answer. */
  private execute(opcode: number, view: DataView): Uint8Array {
    const { options, faults } = this.controller;
    const handler = this.table.get(opcode);
    const lacking = options.unsupported.includes(opcode) || faults.claims.includes(opcode);
    if (!handler || lacking) return this.unknown(opcode);
    const { command } = handler;
    const values = decode(command.parameters as Fields, view, 4, view.byteLength, true);
    const refusal = faults.refuse.get(opcode);
    const outcome = values ? (refusal ?? handler.run(values as never)) : HCI_STATUS.INVALID_PARAMETERS;
    if (command.statusOnly) return this.status(opcode, outcome as number);
    return this.complete(command, values ?? {}, outcome);
  }

  private unknown(opcode: number): Uint8Array {
    const status = HCI_STATUS.UNKNOWN_COMMAND;
    if (!this.controller.faults.unknownByComplete) return this.status(opcode, status);
    return this.answer(opcode, new Uint8Array([status]));
  }

  private complete(command: AnyCommand, parameters: object, outcome: number | object): Uint8Array {
    const writer = new Writer();
    const status = typeof outcome === "number" ? outcome : HCI_STATUS.SUCCESS;
    writer.u8(status);
    const values = typeof outcome === "number" ? refusedValues(command, parameters) : outcome;
    encodeInto(writer, command.returns as Fields, values as Values<Fields>);
    return this.answer(command.opcode, writer.finish().slice(0, this.controller.faults.truncateAnswers));
  }

  private answer(commandOpcode: number, returnParameters: Uint8Array): Uint8Array {
    const numHciCommandPackets = this.controller.options.commandPackets;
    return eventPacket(commandComplete, { numHciCommandPackets, commandOpcode, returnParameters });
  }

  private status(commandOpcode: number, status: number): Uint8Array {
    const numHciCommandPackets = this.controller.options.commandPackets;
    return eventPacket(commandStatus, { status, numHciCommandPackets, commandOpcode });
  }
}
