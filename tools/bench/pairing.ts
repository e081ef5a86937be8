/** The application that shows what a pairing costs; pairing-peer.ts plays the central. */
import { advertise, security } from "aioble";
import { type Measure, PAIRING_FIGURES, PASSKEY } from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

/** Its user types at once what the central shows. */
const agent = { input: () => PASSKEY };

for (const figure of PAIRING_FIGURES) {
  const isPasskey = figure === "pairPasskey";
  security.agent = isPasskey ? agent : undefined;
  const connection = await advertise({ intervalUs: 100_000, name: "obscura-bench" });
  measure.begin(figure);
  measure.open();
  await connection.pair({ mitm: isPasskey });
  measure.close();
  measure.end();
  if (!connection.bonded) throw new Error("the pairing left no bond");
  await connection.disconnected();
}
measure.finish();
