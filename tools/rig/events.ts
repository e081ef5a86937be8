/** What central.py reports and takes: one JSON object a line. */

import type { AdStructure } from "../../simulator/phone/advertising-data.ts";
import type { NamedUuid as Identity } from "../../simulator/phone/assigned-numbers.ts";
import type {
  ServiceEvent as ServiceFound,
  SightingEvent as Sighting,
  ValueEvent as Value,
} from "../../simulator/phone/session.ts";

// What it has in common with the virtual phone.
export type { AdStructure, Identity, ServiceFound, Sighting, Value };

export type CentralEvent =
  | { readonly event: "ready"; readonly address: string }
  | ({ readonly event: "found" } & Sighting)
  | ({ readonly event: "advertisingAgain" } & Sighting)
  | ({ readonly event: "heard"; readonly number: number } & Sighting)
  | { readonly event: "connected"; readonly address: string; readonly mtu: number }
  | { readonly event: "mtu"; readonly asked: number; readonly mtu: number }
  | { readonly event: "database"; readonly services: readonly ServiceFound[] }
  | ({ readonly event: "value" } & Value)
  | ({ readonly event: "descriptor"; readonly handle: number; readonly raw: string } & Identity)
  | ({ readonly event: "written"; readonly raw: string; readonly response: boolean } & Identity)
  /** The camera answered a request with an ATT error. */
  | ({
      readonly event: "refused";
      readonly what: "read" | "write" | "subscribe";
      readonly code: number;
      readonly meaning: string;
    } & Identity)
  | ({ readonly event: "subscribed" } & Identity)
  | ({ readonly event: "unsubscribed" } & Identity)
  | ({ readonly event: "notification"; readonly number: number; readonly indication?: boolean } & Value)
  | { readonly event: "silence"; readonly seconds: number }
  | { readonly event: "channel"; readonly peerMtu: number }
  | { readonly event: "exchanged"; readonly bytes: number }
  | { readonly event: "offAir"; readonly seconds: number }
  /** A pairing: what the central shows, what it compares, that its user is to type, and how it ended. */
  | { readonly event: "shows" | "compares"; readonly number: string }
  | { readonly event: "types" }
  | { readonly event: "outOfBand"; readonly confirm: string; readonly random: string }
  | {
      readonly event: "paired";
      readonly encrypted: boolean;
      readonly authenticated: boolean;
      readonly secureConnections: boolean;
    }
  | { readonly event: "encrypted" }
  /** The bond with the camera is gone. */
  | { readonly event: "forgotten" }
  | { readonly event: "disconnected"; readonly reason: number; readonly name: string }
  | { readonly event: "stepDone"; readonly step: string }
  | { readonly event: "failed"; readonly step: string; readonly message: string; readonly code?: number }
  | { readonly event: "done" };

/** A step for central.py; `timeoutSeconds` defaults to 15. */
export type Step = { readonly timeoutSeconds?: number } & (
  | { readonly do: "scan"; readonly again?: boolean; readonly name?: string }
  | { readonly do: "listen"; readonly count: number }
  | { readonly do: "expectOffAir"; readonly seconds: number; readonly name?: string }
  | { readonly do: "connect" }
  | { readonly do: "exchangeMtu"; readonly mtu: number }
  | { readonly do: "discover" }
  | { readonly do: "readAll" }
  | { readonly do: "read"; readonly characteristic: string }
  | {
      readonly do: "write";
      readonly characteristic: string;
      readonly value: string;
      readonly response?: boolean;
    }
  | { readonly do: "readDescriptor"; readonly characteristic: string; readonly descriptor: string }
  | {
      readonly do: "writeDescriptor";
      readonly characteristic: string;
      readonly descriptor: string;
      readonly value: string;
    }
  | { readonly do: "subscribe"; readonly characteristic: string; readonly indications?: boolean }
  | { readonly do: "subscribeAll" }
  | { readonly do: "notifications"; readonly count: number }
  | { readonly do: "unsubscribe"; readonly characteristic: string }
  | { readonly do: "expectSilence"; readonly seconds: number }
  | {
      readonly do: "startPairing";
      readonly io?: number;
      readonly mitm?: boolean;
      readonly sc?: boolean;
      readonly bonding?: boolean;
      readonly passkey?: number;
      /** What came from the camera by another way than the radio: 16 bytes each, most significant first. */
      readonly outOfBand?:
        | { readonly confirm: string; readonly random: string }
        | { readonly temporaryKey: string };
    }
  | { readonly do: "shareOutOfBand" }
  | { readonly do: "typePasskey"; readonly passkey: number }
  | { readonly do: "awaitPairing" }
  | { readonly do: "encrypt" }
  | { readonly do: "forget" }
  | { readonly do: "listenForChannel"; readonly psm: number }
  | { readonly do: "awaitChannel" }
  | { readonly do: "openChannel"; readonly psm: number }
  | { readonly do: "exchangeSdus"; readonly length: number; readonly count: number }
  | { readonly do: "closeChannel" }
  | { readonly do: "disconnect" }
  | { readonly do: "awaitDisconnection" }
);
