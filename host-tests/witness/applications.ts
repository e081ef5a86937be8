/** What the witness tests expect of the two applications that they run on a camera. */

/** The applications under test. */
export type ApplicationName = "environment-sensor" | "writable";

/** examples/environment-sensor. */
export const environmentSensor = {
  name: "obscura-env",
  service: "181A",
  temperature: "2A6E",
  humidity: "2A6F",
  /** Generic Sensor. */
  appearance: 0x0540,
  appearanceRaw: "4005",
} as const;

/** The application with something to write to. */
export const writable = {
  name: "obscura-writable",
  service: "0B5C0000-8C1D-4A9F-9E55-3E0D6D1F2A00",
  /** Read, write, write without response, notify: what was written is read back and notified. */
  value: "0B5C0001-8C1D-4A9F-9E55-3E0D6D1F2A00",
  /** "hello", until something is written. */
  initialRaw: "68656c6c6f",
  /** Read only: 300 bytes 0, 1, … 255, 0, 1, …; takes Read Blob. */
  long: "0B5C0002-8C1D-4A9F-9E55-3E0D6D1F2A00",
  longRaw: Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff)).toString("hex"),
} as const;

/** The advertised name of an application. */
export const advertisedName = (app: ApplicationName): string =>
  app === "environment-sensor" ? environmentSensor.name : writable.name;
