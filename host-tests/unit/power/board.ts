/** A simulated board for the tests of the module `power`, which can be started again and again. */
import assert from "node:assert/strict";
import { createSignals } from "../../../firmware/platform/globals.ts";
import type { ResetCause } from "../../../firmware/platform/platform.ts";
import type { Json } from "../../../firmware/power/index.ts";
import { createPower, type Power } from "../../../firmware/power/power.ts";
import { Retained } from "../../../firmware/power/retained.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { clockOf } from "../../../simulator/life.ts";
import { SimulatedPower } from "../../../simulator/power.ts";
import { MemoryRecords } from "../../support/cameras.ts";

/** Text of ASCII as bytes: the engine on a camera has neither TextEncoder nor TextDecoder. */
export const ascii = {
  encode: (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0)),
  decode: (bytes: Uint8Array): string => Array.from(bytes, (code) => String.fromCharCode(code)).join(""),
};

/** A board that can be started again and again. */
export class Board {
  readonly clock = new VirtualClock();
  readonly lines: SimulatedPower;
  readonly records = new MemoryRecords();
  readonly log: string[] = [];
  radioIsOn = false;
  /** Whether the program that runs has used it. */
  radioIsUsed = false;
  /** Of the program that runs: those before it have no timers any more. */
  private life = { isOver: false };
  /** For how long the radio had been off where its start began early. */
  readonly prepared: number[] = [];

  constructor(retainedBytes?: number) {
    this.lines = new SimulatedPower(this.clock, retainedBytes);
  }

  /** The module as an application finds it after this start. */
  start(): Power {
    const { lines, log, records } = this;
    this.life.isOver = true;
    this.life = { isOver: false };
    const clock = clockOf(this.life, this.clock);
    this.radioIsOn = true;
    const write = (_level: string, message: string): void => void log.push(message);
    return createPower({
      lines,
      retained: new Retained({
        ...ascii,
        lines,
        records,
        log: write,
      }),
      signals: createSignals({ clock, log: write } as never),
      wait(delayMs, callback) {
        const timer = clock.setTimer(callback, delayMs);
        return () => clock.clearTimer(timer);
      },
      radioOff: async () => {
        this.radioIsOn = false;
      },
      prepareRadio: (offForMs) => void this.prepared.push(offForMs),
      radioWasUsed: () => this.radioIsUsed,
      log: write,
      unsupported: (what) => {
        throw new Error(`${what} is not supported`);
      },
    });
  }

  /** Runs a program until the board sleeps. */
  async untilAsleep(program: (power: Power) => Promise<unknown>): Promise<void> {
    const power = this.start();
    const asleep = new Promise<void>((resolve, reject) => {
      this.lines.onAsleep = resolve;
      program(power).catch((error: Error) => {
        if (error.name !== "Asleep") reject(error);
      });
    });
    await this.clock.run(() => asleep);
    assert.ok(!this.radioIsOn, "asleep with the radio on");
  }

  /** Sleeps until it is due, or as long as given, and wakes. */
  async wake(cause: ResetCause = "timer", afterMs?: number): Promise<void> {
    const { lines, clock } = this;
    await clock.advance(afterMs ?? lines.wakeAtMs! - lines.rtcNow());
    lines.restart(cause);
  }
}

/** A cycle of a minute, whose burst takes as long as it is set to and counts itself. */
export function counting(power: Power, clock: VirtualClock, burstMs: number, seen: Json[]): Promise<never> {
  return power.dutyCycle({
    intervalMs: 60_000,
    deadlineMs: 20_000,
    state: 0 as number,
    wakeOn: ["button"],
    async burst({ state, cause, number, failures }) {
      seen.push([Math.round(clock.now()), state, cause, number, failures]);
      await clock.sleep(burstMs);
      return state + 1;
    },
  });
}
