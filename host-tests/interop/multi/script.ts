/** The client's side of a multitest. */
import type { Client } from "../clients.ts";

/** The camera as the client's side sees it. */
export interface CameraSide {
  /** The next line that the camera says in this scenario and that begins so; waits for it. */
  said(beginning: string): Promise<string>;
  /** All that it has said in this scenario. */
  lines(): readonly string[];
}

/** Plays the client; asserts what it sees. Leaves without a connection. */
export type Script = (client: Client, camera: CameraSide) => Promise<void>;
