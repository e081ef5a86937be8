/** A camera that pairs by every method, as its client asks. */
import {
  advertise,
  Characteristic,
  type DeviceConnection,
  type PairingAgent,
  registerServices,
  Service,
  security,
} from "aioble";
import { UUID } from "bluetooth";
import {
  AUTHENTIC,
  FORGET,
  MODE,
  type Mode,
  NAME,
  OPEN,
  SECRET,
  SECRET_TEXT,
  SERVICE,
  TYPED,
} from "./names.ts";

const display: PairingAgent["display"] = ({ passkey }) => console.log(`[pairing] shows ${passkey}`);

const compare: PairingAgent["compare"] = ({ number }) => {
  console.log(`[pairing] compares ${number}`);
  return true;
};

const AGENTS: Readonly<Record<Mode, PairingAgent | undefined>> = {
  nothing: undefined,
  display: { display },
  keys: { input: () => TYPED },
  "display and button": { display, compare },
};

const service = new Service(new UUID(SERVICE));
const mode = new Characteristic(service, new UUID(MODE), { write: true, capture: true });
new Characteristic(service, new UUID(SECRET), { read: true, initial: SECRET_TEXT, security: "encrypted" });
new Characteristic(service, new UUID(AUTHENTIC), {
  read: true,
  initial: SECRET_TEXT,
  security: "authenticated",
});
registerServices(service);

async function obey(): Promise<void> {
  for await (const { data } of mode.writes()) {
    const wanted = String.fromCharCode(...data);
    if (wanted === FORGET) security.bonds.clear();
    else if (wanted === OPEN) security.openPairing({ durationMs: 60_000 });
    else security.agent = AGENTS[wanted as Mode];
    console.log(`[pairing] has ${wanted}, bonds ${security.bonds.size}`);
  }
}

async function watch(connection: DeviceConnection): Promise<void> {
  let before = "";
  while (connection.isConnected()) {
    const { authenticated, bonded, encrypted, keySize, secureConnections } = connection;
    const now = JSON.stringify({ encrypted, authenticated, bonded, keySize, secureConnections });
    if (now !== before) console.log(`[pairing] ${now}`);
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function serve(): Promise<void> {
  for (;;) {
    const connection = await advertise({ intervalUs: 100_000, name: NAME });
    await watch(connection);
  }
}

await Promise.all([obey(), serve()]);
