/** `Device.connect` of `aioble`: connections as a central. */
import { Central } from "../aioble/central.ts";
import type { Core } from "../aioble/core.ts";
import { CentralLinks } from "../ble/central-links.ts";
import { Initiator } from "../ble/gap/initiator.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    const { clock } = host.platform;
    const { connections, hci, log } = host;
    const initiator = host.join(new Initiator({ ...host.port, clock, scanner: () => host.scanner }));
    host.initiator = initiator;
    host.centralLinks = new CentralLinks({
      ...{ connections, hci, initiator, log },
      open: (established, ownAddress) => host.openLink(established, ownAddress),
    });
  },
  aioble(core: Core) {
    core.central = new Central(core);
    return {};
  },
} satisfies Feature;
