import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { createCamera } from "../../../firmware/camera/camera.ts";

describe("camera", () => {
  it("reads the sensors of its board", () => {
    const camera = createCamera({ read: (sensor) => (sensor === "temperature" ? 21.5 : 40) });
    assert.equal(camera.readTemperature(), 21.5);
    assert.equal(camera.readHumidity(), 40);
  });

  it("says what is missing", () => {
    const cause = new Error("native");
    const camera = createCamera({
      read(sensor) {
        if (sensor === "humidity") throw cause;
        return Number.NaN;
      },
    });
    assert.throws(() => camera.readHumidity(), { message: /^This board has no humidity sensor/, cause });
    assert.throws(() => camera.readTemperature(), { message: "The temperature sensor has no reading yet." });
  });

  it("exports what its declarations say", () => {
    const text = readFileSync(new URL("../../../firmware/camera/index.ts", import.meta.url), "utf8");
    const declared = [...text.matchAll(/^export declare function (\w+)/gm)].map((match) => match[1]);
    assert.deepEqual(Object.keys(createCamera({ read: () => 0 })), declared);
  });
});
