/** What the camera of the soak hostile-peripherals, its peers and the tool agree on. */

export const HOSTILE = 3;
export const PSM = 0x80;
export const VALUE = 0x2a19;
export const BEACON = "beacon";
/** Between two reports of the camera, in milliseconds. */
export const REPORT_MS = 5000;

/** How far each task of the camera has come. */
export interface Figures {
  sessions: number;
  reads: number;
  echoes: number;
  notified: number;
  sightings: number;
}

/** With the bytes of the heap in use, without garbage. */
export interface CameraReport extends Readonly<Figures> {
  readonly slots: number;
  readonly chunks: number;
}

/** The report in a line of the console, undefined when it is another. */
export function reportIn(line: string): CameraReport | undefined {
  const found = /\bfigures (\{.*\})$/.exec(line)?.[1];
  return found === undefined ? undefined : (JSON.parse(found) as CameraReport);
}
