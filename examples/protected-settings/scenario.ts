/** A phone that is refused, pairs, and is known when the camera comes back. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

export const cameras: Cameras = { camera: {} };

const INTERVAL = "7a100001-52c4-4f0e-9c61-2d1f4b8e6a01";
const PICTURES = "7a100002-52c4-4f0e-9c61-2d1f4b8e6a01";

export default async function play({ camera, phone, say }: Stage): Promise<void> {
  const owned = await camera("camera");
  await owned.says("nobody owns this camera yet");
  await phone(`
    find "obscura-settings"
    connect
    read ${INTERVAL}
    expect value 02
    # Insufficient Authentication: it takes a pairing.
    write ${INTERVAL} 01
    expect refusal 0x05
    subscribe ${PICTURES}
    expect refusal 0x05
    pair
    write ${INTERVAL} 01
    expect log "a picture every 1 s"
    subscribe ${PICTURES}
    expect notification ${PICTURES}
  `);
  // The camera goes while the phone is connected: no goodbye, no time to save anything.
  say("The camera loses its power, and gets it back.");
  await owned.restart();
  await owned.says("bonds: 1");
  await phone(`
    expect disconnection
    find again
    # The phone encrypts with the bond's key. It neither pairs nor subscribes again.
    connect
    expect notification ${PICTURES}
    write ${INTERVAL} 03
    expect log "a picture every 3 s"
    disconnect
    find again
  `);
  say(
    "Another phone finds a camera that has an owner; the window is closed but for a minute after power-on.",
  );
  await phone(`
    phone 2
    find "obscura-settings"
    connect
    write ${INTERVAL} 01
    expect refusal 0x05
    disconnect
  `);
}
