/** The radio of the simulator, in this process and in real time. */
import { runPhoneSession } from "../../../simulator/phone/session.ts";
import { Player } from "../../phone/player.ts";
import type { Line } from "../../phone/script.ts";
import { SimulatorServer } from "../../radio/simulator-server.ts";
import type { CentralReceiver, CentralSession, Radio } from "./radio.ts";

/** How long the phone waits for a notification before it goes on without. */
const patienceMs = 5000;

/** Starts an air with a free port for the camera. */
export async function startSimulator(chip?: "cyw43"): Promise<Radio> {
  const server = new SimulatorServer();
  const neighbour = await server.listen();
  const chipLines = chip && (await server.addChip());
  return {
    hci: chipLines?.hci ?? neighbour,
    ...(chipLines && { radioLines: chipLines.lines }),
    detail: chip ? "the simulator, with a CYW43 chip that has to be brought up" : "the simulator",
    neighbour,
    central: {
      name: "phone",
      start: (receiver, script) => startPhone(server, receiver, script),
    },
    stop: () => server.close(),
  };
}

function startPhone(
  server: SimulatorServer,
  receiver: CentralReceiver,
  script: readonly Line[] | undefined,
): CentralSession {
  const run = async (): Promise<string | undefined> => {
    try {
      if (script === undefined) {
        // Nobody else is in this air, so that the phone takes the first camera that it hears.
        for await (const event of runPhoneSession(server.addPhone(), { patienceMs }))
          receiver.onCentralEvent(event);
      } else {
        const stage = {
          addPhone: () => server.addPhone(),
          wait: (ms: number) => new Promise<void>((resolve) => void server.clock.setTimer(resolve, ms)),
          heard: (text: string, withinMs: number) => receiver.heard(text, withinMs),
        };
        await new Player(stage, (event) => receiver.onCentralEvent(event)).play(script);
      }
      return undefined;
    } catch (error) {
      const { message } = error as Error;
      receiver.onCentralEvent({ event: "failed", step: "session", message });
      return `The phone did not see everything that it looked for: ${message}`;
    }
  };
  // Without its air the phone only waits, and nothing waits for it.
  return { ended: run(), stop: async () => undefined };
}
