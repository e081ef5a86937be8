/** What a controller says that it can do at a time (Vol 4, Part E, 7.8.27). */
import { HciError } from "../errors.ts";
import { leReadSupportedStates } from "../hci/commands/le-controller.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS } from "../hci/status.ts";

/** Bits of LE_States: a state alone, and states together. */
export const LE_STATE = {
  INITIATING: 6,
  PERIPHERAL: 7,
  INITIATING_BESIDE_CENTRAL: 28,
  INITIATING_BESIDE_PERIPHERAL: 41,
} as const;

const NO_STATES = new Uint8Array(8);

/** Asked once in each session of the controller, when somebody first wants to know. */
export class SupportedStates {
  private readonly hci: Hci;
  private states: Uint8Array | undefined = undefined;

  constructor(hci: Hci) {
    this.hci = hci;
  }

  /** The controller is another, or was reset. */
  reset(): void {
    this.states = undefined;
  }

  /**
   * Whether the controller says that it cannot have `together`, though it has the state `alone`. Where even that is
   * missing, nobody filled the bits in; and a controller that does not know the command is tried out.
   */
  async excludes(alone: number, together: number): Promise<boolean> {
    if (!this.states) {
      const { leStates } = await this.hci.send(leReadSupportedStates, {}).catch((error: unknown) => {
        if (error instanceof HciError && error.status !== HCI_STATUS.SUCCESS) return { leStates: NO_STATES };
        throw error;
      });
      this.states = leStates;
    }
    return hasBit(this.states, alone) && !hasBit(this.states, together);
  }
}

function hasBit(states: Uint8Array, bit: number): boolean {
  return ((states[bit >> 3]! >> (bit & 7)) & 1) === 1;
}
