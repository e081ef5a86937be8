/** The application that shows what a pairing and its bond cost; pairing-peer.ts plays the central. */
import { advertise, security } from "aioble";
import { BLE, IRQ_ENCRYPTION_UPDATE } from "bluetooth";
import {
  type Measure,
  PAIRING_FIGURES,
  PAIRINGS,
  PASSKEY,
  RECONNECTIONS,
  RECONNECTIONS_WARM_UP,
} from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

/** Its user types at once what the central shows. */
const agent = { input: () => PASSKEY };

const ADVERTISING = { intervalUs: 100_000, name: "obscura-bench" };

for (const figure of PAIRING_FIGURES) {
  const isPasskey = figure === "pairPasskey";
  security.agent = isPasskey ? agent : undefined;
  for (let count = 0; count < PAIRINGS; count++) {
    const connection = await advertise(ADVERTISING);
    if (count === 0) measure.begin(figure);
    measure.open();
    await connection.pair({ mitm: isPasskey });
    measure.close();
    if (!connection.bonded) throw new Error("the pairing left no bond");
    await connection.disconnected();
  }
  measure.end();
}

// The last bond: its device comes back again and again, and encrypts.
let onEncrypted = (): void => {};
new BLE().irq((event) => {
  if (event === IRQ_ENCRYPTION_UPDATE) onEncrypted();
});
for (let count = 0; count < RECONNECTIONS_WARM_UP + RECONNECTIONS; count++) {
  const connection = await advertise(ADVERTISING);
  const encrypted = new Promise<void>((resolve) => {
    onEncrypted = resolve;
  });
  if (count === RECONNECTIONS_WARM_UP) measure.begin("reconnectEncrypted");
  measure.open();
  await encrypted;
  measure.close();
  if (!connection.bonded) throw new Error("the link is encrypted with another key than the bond's");
  await connection.disconnected();
}
measure.end();
measure.finish();
