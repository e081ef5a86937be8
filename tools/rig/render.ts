/** What the central reports, as lines for a person. */
import type { AdStructure, CentralEvent, Identity, ServiceFound, Sighting, Value } from "./events.ts";

/** The lines for one event; none for those that only machines need. */
export function renderCentralEvent(event: CentralEvent): string[] {
  switch (event.event) {
    case "ready":
      return [`ready, its own address is ${event.address}`];
    case "found":
      return ["found the camera", ...indent(sightingLines(event))];
    case "advertisingAgain":
      return [`the camera advertises again at ${event.address}`];
    case "heard":
      return [`payload ${event.number}`, ...indent(payloadLines("advertising data", event.advertising))];
    case "connected":
      return [`connected to ${event.address}`];
    case "mtu":
      return [`ATT_MTU is ${event.mtu} (asked for ${event.asked})`];
    case "database":
      return ["database", ...indent(event.services.flatMap(serviceLines))];
    case "value":
      return [`read ${title(event)}: ${valueText(event)}`];
    case "descriptor":
      return [`read ${title(event)} of handle ${handleText(event.handle)}: ${event.raw}`];
    case "written":
      return [`wrote ${event.raw} to ${title(event)}${event.response ? "" : ", without response"}`];
    case "refused":
      return [`${event.what} ${title(event)}: refused, ${event.meaning}`];
    case "subscribed":
      return [`subscribed to ${title(event)}`];
    case "unsubscribed":
      return [`unsubscribed from ${title(event)}`];
    case "notification":
      return [
        `${event.indication ? "indication" : "notification"} ${event.number}: ${title(event)} ${valueText(event)}`,
      ];
    case "channel":
      return [`channel open, the camera takes SDUs of ${event.peerMtu} bytes`];
    case "exchanged":
      return [`${event.bytes} bytes came back on the channel`];
    case "silence":
      return [`no notification for ${event.seconds} s`];
    case "offAir":
      return [`nothing on the air for ${event.seconds} s`];
    case "shows":
      return [`shows ${event.number}`];
    case "compares":
      return [`compares ${event.number}`];
    case "outOfBand":
      return [`hands over by another way: confirm ${event.confirm}, random ${event.random}`];
    case "types":
      return ["is to type what the camera shows"];
    case "paired":
      return [`paired, ${event.authenticated ? "authenticated" : "not authenticated"}`];
    case "encrypted":
      return ["encrypted with the key of the bond"];
    case "forgotten":
      return ["has forgotten the camera"];
    case "disconnected":
      return [`disconnected: ${event.name}`];
    case "failed":
      return [`failed: ${event.message}`];
    case "done":
      return ["saw everything"];
    case "stepDone":
      return [];
  }
}

function sightingLines(sighting: Sighting): string[] {
  const kind = sighting.connectable ? "connectable" : "not connectable";
  return [
    `address ${sighting.address} (${sighting.addressType}), ${kind}, ${sighting.rssi} dBm`,
    ...payloadLines("advertising data", sighting.advertising),
    ...payloadLines("scan response", sighting.scanResponse),
  ];
}

function payloadLines(title: string, structures: readonly AdStructure[]): string[] {
  if (structures.length === 0) return [`${title}: empty`];
  return [title, ...indent(structures.map((ad) => `${ad.name}: ${ad.decoded ?? ad.raw}`))];
}

function serviceLines(service: ServiceFound): string[] {
  return [
    `${handleText(service.handle)} service ${title(service)}`,
    ...indent(service.included.map((included) => `includes ${title(included)}`)),
    ...service.characteristics.flatMap((characteristic) => [
      ...indent([
        `${handleText(characteristic.handle)} ${title(characteristic)} [${characteristic.properties.join(", ")}]`,
      ]),
      ...indent(
        indent(characteristic.descriptors.map((found) => `${handleText(found.handle)} ${title(found)}`)),
      ),
    ]),
  ];
}

const title = ({ uuid, name }: Identity): string => (name === null ? uuid : `${uuid} ${name}`);

const valueText = ({ raw, decoded }: Value): string => {
  const bytes = raw === "" ? "(empty)" : raw;
  return decoded === null ? bytes : `${decoded} (${bytes})`;
};

const handleText = (handle: number): string => `0x${handle.toString(16).padStart(4, "0")}`;

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
