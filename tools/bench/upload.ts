/** The application that shows what an upload costs: it does nothing itself. peer.ts plays the client of the management server. */
import { advertise, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { type Measure, SERVICE, TURN } from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

const service = new Service(new UUID(SERVICE));
const turn = new Characteristic(service, new UUID(TURN), { writeNoResponse: true });
registerServices(service);

const connection = await advertise({ intervalUs: 100_000, name: "obscura-bench" });
await turn.written();
measure.begin("uploadPerKB");
measure.open();
await turn.written();
measure.close();
measure.end();
await connection.disconnected();
measure.finish();
