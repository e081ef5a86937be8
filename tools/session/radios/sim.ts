/** The radio of the simulator, in this process and in real time. */
import { visit } from "../../../simulator/phone/visit.ts";
import { SimulatorServer } from "../../radio/simulatorServer.ts";
import type { Radio, Visit, VisitorReceiver } from "./radio.ts";

/** How long the phone waits for a notification before it goes on without. */
const patienceMs = 5000;

/** Starts an air with a free port for the camera. */
export async function startSimulator(): Promise<Radio> {
  const server = new SimulatorServer();
  const hci = await server.listen();
  return {
    hci,
    detail: "the simulator",
    neighbour: hci,
    visitor: { name: "phone", start: (receiver) => startPhone(server, receiver) },
    stop: () => server.close(),
  };
}

function startPhone(server: SimulatorServer, receiver: VisitorReceiver): Visit {
  const run = async (): Promise<boolean> => {
    try {
      // Nobody else is in this air, so that the phone takes the first camera that it hears.
      for await (const event of visit(server.addPhone(), { patienceMs })) receiver.onVisit(event);
      return true;
    } catch (error) {
      receiver.onVisit({ event: "failed", step: "visit", message: (error as Error).message });
      return false;
    }
  };
  // Without its air the phone only waits, and nothing waits for it.
  return { ended: run(), stop: async () => undefined };
}
