/** What connections of `aioble` can ask of their links: other parameters, PHY, data length, signal strength. */
import type { Core } from "../aioble/core.ts";
import { LinkRequests, type ParameterPolicy } from "../aioble/link-control.ts";
import { LinkControl } from "../ble/gap/link-control.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    const { hci, peerLog } = host;
    const control = new LinkControl({
      hci,
      log: peerLog.write,
      clock: host.platform.clock,
      connections: host.connections,
      get controller() {
        return host.controller;
      },
    });
    host.linkControl = control;
    host.observe({
      onConnected: (connection) => control.connected(connection),
      onDisconnected: (connection) => control.disconnected(connection),
      onParameters: (connection, status) => control.parameters.updated(connection, status),
    });
  },
  aioble(core: Core) {
    const requests = new LinkRequests(core, core.host.linkControl!);
    core.linkRequests = requests;
    return { setParameterPolicy: (policy?: ParameterPolicy) => requests.setPolicy(policy) };
  },
} satisfies Feature;
