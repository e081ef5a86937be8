/** The camera as its peers see it: central hosts and a controller that none of us wrote. */
import { describe } from "mocha";
import { kinds, playsMultitests } from "./kinds.ts";
import { channels } from "./scenarios/channels.ts";
import { environment } from "./scenarios/environment.ts";
import { everything } from "./scenarios/everything.ts";
import { finding } from "./scenarios/finding.ts";
import { hostileCentral } from "./scenarios/hostile-central.ts";
import { hostileController } from "./scenarios/hostile-controller.ts";
import { multitests, multitestsBetweenCameras } from "./scenarios/multitests.ts";
import { pairing, pairingWithBleHost } from "./scenarios/pairing.ts";
import { pairingCentral } from "./scenarios/pairing-central.ts";
import { reading } from "./scenarios/reading.ts";
import { silentController } from "./scenarios/silent-controller.ts";
import { writing } from "./scenarios/writing.ts";

for (const kind of kinds) {
  describe(`interop: ${kind.name}`, function () {
    this.timeout(600_000);
    finding(kind);
    environment(kind);
    writing(kind);
    everything(kind);
    reading(kind);
    if (kind.runsOurApplications) pairing(kind);
    if (kind.runsOurApplications) pairingWithBleHost(kind);
    if (kind.runsOurApplications) pairingCentral(kind);
    channels(kind);
    if (playsMultitests(kind)) {
      multitests(kind);
      if (kind.runsOurApplications) multitestsBetweenCameras(kind);
    }
    silentController(kind);
    hostileController(kind);
    hostileCentral(kind);
  });
}
