/** What a peripheral may ask for, without end, of a central whose controller refuses it. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Connection, ROLE } from "../../../../firmware/ble/gap/connection.ts";
import {
  ParameterUpdates,
  type ParameterUpdatesPort,
} from "../../../../firmware/ble/gap/parameter-updates.ts";
import { SIGNAL, type SignalHandler } from "../../../../firmware/ble/l2cap/signaling.ts";
import type { LogLevel } from "../../../../firmware/platform/platform.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";

/** Connection Parameter Update Request: 30 to 50 ms, no latency, 5 s. */
const REQUEST = new DataView(Uint16Array.of(24, 40, 0, 500).buffer);

describe("parameter updates that the controller refuses", () => {
  it("the log has one line of each link, however often its peer asks", async () => {
    const log: [LogLevel, string][] = [];
    let refused = 0;
    const updates = new ParameterUpdates({
      hci: {
        on: () => {},
        send: async () => {
          refused++;
          throw new Error("refused");
        },
      },
      clock: new VirtualClock(async () => {}),
      connections: new Map(),
      controller: undefined,
      log: (level: LogLevel, message: string) => log.push([level, message]),
    } as unknown as ParameterUpdatesPort);
    for (const handle of [0x40, 0x41]) {
      let ask: SignalHandler = () => {};
      const answers: number[] = [];
      const signaling = {
        on: (code: number, handler: SignalHandler) => {
          assert.equal(code, SIGNAL.PARAMETER_UPDATE_REQUEST);
          ask = handler;
        },
        send: (_code: number, _identifier: number, [result]: readonly number[]) => answers.push(result!),
      };
      updates.connected({ handle, role: ROLE.CENTRAL, l2cap: { signaling } } as unknown as Connection);
      for (let at = 0; at < 20; at++) {
        ask(1, REQUEST, 0, REQUEST.byteLength);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(answers, new Array(20).fill(0), "each was accepted, and handed to the controller");
    }
    assert.equal(refused, 40);
    assert.deepEqual(
      log.filter(([level]) => level === "warning"),
      [
        ["warning", "gap: link 64: Error: refused"],
        ["warning", "gap: link 65: Error: refused"],
      ],
    );
    assert.equal(log.length, 40, "the others are there at the level of debugging");
  });
});
