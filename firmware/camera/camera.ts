/** What the module `camera` exports; the compiler holds `createCamera` to the declarations in index.ts. */
export type Camera = typeof import("./index.ts");

/** A board's sensors. */
export interface Sensors {
  /**
   * The latest reading, in degrees Celsius or percent relative humidity. Throws when the board has no such
   * sensor.
   */
  read(sensor: "temperature" | "humidity"): number;
}

/** The module `camera` for applications, bound to the sensors of one board. */
export function createCamera(sensors: Sensors): Camera {
  function read(sensor: "temperature" | "humidity"): number {
    let value: number;
    try {
      value = sensors.read(sensor);
    } catch (cause) {
      throw new Error(`This board has no ${sensor} sensor, or it does not answer.`, { cause });
    }
    if (!Number.isFinite(value)) throw new Error(`The ${sensor} sensor has no reading yet.`);
    return value;
  }
  return {
    readTemperature: () => read("temperature"),
    readHumidity: () => read("humidity"),
  };
}
