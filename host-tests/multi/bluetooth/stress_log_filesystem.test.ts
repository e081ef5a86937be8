/** Flash is written at every event and every 50 ms while a phone reads and writes, over two connections. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import type { IrqEvent } from "../../../firmware/bluetooth/irq.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { deepEqual, equal, ok } from "../../support/assert.ts";
import { diagnostics } from "../../support/cameras.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { bytes, CHAR_UUID, findCharacteristics, SERVICE_UUID, text } from "../pair.ts";

const CONNECTIONS = 2;
const ROUNDS = 4;

describe("multi: bluetooth stress_log_filesystem", () => {
  it("neither the link nor the log loses anything", async () => {
    const log: string[] = [];
    const pair = createLowLevelPair((...[event]: IrqEvent) => keep(`event ${event}`));
    const { ble, bluetooth, camera } = pair;
    const records = RecordStore.open(camera.platform.stateFlash, camera.platform.log);
    function keep(line: string): void {
      log.push(line);
      records.set(`log-${log.length % 8}`, bytes(`${log.length} ${line}`));
    }
    const flags = bluetooth.FLAG_READ | bluetooth.FLAG_WRITE;
    ble.gattsRegisterServices([[new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]]]);
    let done = false;
    const tick = async () => {
      while (!done) {
        keep("tick");
        await pair.sleep(50);
      }
    };
    const serve = async () => {
      await ble.active(true);
      for (let turn = 0; turn < CONNECTIONS; turn++) {
        await pair.advertise();
        await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        for (let round = 0; round < ROUNDS; round++) {
          await pair.event(bluetooth.IRQ_GATTS_READ_REQUEST);
          await pair.event(bluetooth.IRQ_GATTS_WRITE);
        }
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
      }
      await ble.active(false);
      done = true;
    };
    await pair.run(
      async () => {
        await Promise.all([serve(), tick()]);
      },
      async () => {
        let value = "";
        for (let turn = 0; turn < CONNECTIONS; turn++) {
          const link = await pair.connect();
          const [target] = await findCharacteristics(link, CHAR_UUID);
          for (let round = 0; round < ROUNDS; round++) {
            equal(text(await link.read(target!)), value);
            value = `${turn} ${round}`;
            await link.write(target!, bytes(value));
          }
          await link.disconnect();
          await pair.sleep(100);
        }
      },
    );
    ok(log.filter((line) => line === "tick").length > 10);
    equal(log.length - log.filter((line) => line === "tick").length, CONNECTIONS * (2 + 2 * ROUNDS));
    const reopened = RecordStore.open(camera.platform.stateFlash, camera.platform.log);
    const kept = reopened.keys().map((key) => text(reopened.get(key)!));
    const newest = log.map((line, index) => `${index + 1} ${line}`).slice(-8);
    deepEqual(kept.sort(), newest.sort());
    deepEqual(diagnostics(camera), []);
  });
});
