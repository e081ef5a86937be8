/** `l2capAccept` and `l2capConnect` of `aioble`: L2CAP channels. */
import type { Core } from "../aioble/core.ts";
import { L2cap } from "../aioble/l2cap.ts";
import { L2CAPChannel } from "../aioble/l2cap-channel.ts";
import { L2CAPConnectionError, L2CAPDisconnectedError } from "../aioble/l2cap-errors.ts";
import { Channels } from "../ble/channels.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    const { acl, budget, peerLog } = host;
    const { clock, copyBytes } = host.platform;
    host.channels = new Channels({
      ...{ acl, budget, clock, copyBytes, log: peerLog.write },
      observe: (observer) => host.observe(observer),
      onUse: () => host.updateIdleLinks(),
    });
  },
  aioble(core: Core) {
    core.l2cap = new L2cap(core, core.host.channels!);
    return { L2CAPChannel, L2CAPConnectionError, L2CAPDisconnectedError };
  },
} satisfies Feature;
