/** What a controller does for each command: the handlers by opcode. */
import { decode, type Fields, type Values, viewOf } from "../../firmware/ble/codec.ts";
import type { AnyCommand, Command } from "../../firmware/ble/hci/packet.ts";

/** What a handler says: what the command returns, or the status that refuses it; 0 is success without values. */
export type Outcome<R extends Fields> = Values<R> | number;

export interface Handler {
  readonly command: AnyCommand;
  run(values: never): Outcome<Fields>;
}

export class CommandTable {
  private readonly handlers = new Map<number, Handler>();

  on<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    run: (values: Values<P>) => Outcome<R>,
  ): void {
    this.handlers.set(command.opcode, { command, run: run as unknown as Handler["run"] });
  }

  get(opcode: number): Handler | undefined {
    return this.handlers.get(opcode);
  }

  /** The answer of Read Local Supported Commands (Vol 4, Part E, 6.27), without the opcodes in `lacking`. */
  supportedCommands(lacking: readonly number[]): Uint8Array {
    const bits = new Uint8Array(64);
    for (const { command } of this.handlers.values()) {
      if (!lacking.includes(command.opcode)) bits[command.octet] = bits[command.octet]! | (1 << command.bit);
    }
    return bits;
  }
}

/** Return parameters of a refused command: zeros, but the handle that it was about. */
export function refusedValues(
  command: AnyCommand,
  parameters: { connectionHandle?: number },
): Values<Fields> {
  const zeros = decode(command.returns as Fields, viewOf(new Uint8Array(255)), 0, 255) ?? {};
  if (!("connectionHandle" in zeros)) return zeros;
  return { ...zeros, connectionHandle: parameters.connectionHandle ?? 0 };
}
