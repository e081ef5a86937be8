/** What hostile peers do to a camera, and to the controller's line. Each act ends by itself, or when its link does. */
import { setTimeout as sleep } from "node:timers/promises";
import { op } from "../../../host-tests/attacker/commands.ts";
import type { Controller } from "../../../host-tests/attacker/controller.ts";
import {
  att,
  cid,
  connectionComplete,
  disconnectionComplete,
  type Link,
} from "../../../host-tests/attacker/link.ts";
import type { SeededRandom } from "../../../simulator/random.ts";
import { ABYSS, ORDER, SURE, UPLOAD, VALUE } from "./script.ts";

/** Where a peer acts. */
export interface Place {
  readonly controller: Controller;
  readonly random: SeededRandom;
  /** The last byte of the peer's address. */
  readonly peer: number;
  /** Value handles by their UUID. They do not change. */
  readonly handles: ReadonlyMap<number, number>;
  /** Settles when the peer has to leave. */
  readonly over: Promise<void>;
}

export type Act = (place: Place) => Promise<void>;

/** Longest pause of a peer, in milliseconds. Nothing depends on it. */
const PAUSE_MS = 300;

/** Packets on each link when the line fails. */
const RUSH = 12;
const UNUSED_CHANNEL = 0x003e;

const pause = ({ random, over }: Place): Promise<unknown> =>
  Promise.race([sleep(random.below(PAUSE_MS)), over]);

const join = ({ controller, peer }: Place): Promise<Link> => controller.connectWhenHeard({ peer });

/** LE Credit Based Connection request of no meaning: the camera refuses it, and knows that somebody is there. */
const greet = (link: Link): void => link.frame(cid.signaling, "14 01 0a00 2500 4000 1700 1700 0000");

const handleBytes = ({ handles }: Place, uuid: number): Buffer => {
  const handle = handles.get(uuid) ?? 0;
  return Buffer.from([handle & 0xff, handle >> 8]);
};

const pduOf = (place: Place, opcode: number, uuid: number, ...rest: (number | Uint8Array)[]): Buffer => {
  const parts = rest.map((part) => (typeof part === "number" ? Buffer.from([part]) : part));
  return Buffer.concat([Buffer.from([opcode]), handleBytes(place, uuid), ...parts]);
};

/** Stays, and says nothing, until the camera ends it. */
const squat: Act = async (place) => {
  const link = await join(place);
  greet(link);
  await Promise.race([link.gone, place.over]);
};

/** Stays, and was never heard of. */
const hide: Act = async (place) => {
  const link = await join(place);
  await Promise.race([link.gone, place.over]);
};

/** Prepares, subscribes, asks for long answers, and takes nothing. */
const hoard: Act = async (place) => {
  const link = await join(place);
  await link.exchangeMtu(517);
  for (let part = 0; part < 4; part++)
    link.att(pduOf(place, att.prepareWrite, UPLOAD, 0, 0, Buffer.alloc(512)));
  link.att(pduOf(place, att.write, VALUE + 0, 1, 0));
  await pause(place);
  link.inRange = false;
  const both = Buffer.concat([handleBytes(place, VALUE), handleBytes(place, UPLOAD)]);
  for (let count = 0; count < 42; count++) link.att(Buffer.concat([Buffer.from([att.readMultiple]), both]));
  for (let count = 0; count < 4; count++) await pause(place);
  if (place.random.below(2) === 0) link.inRange = true;
  link.end();
};

/** Subscribes to every value, and goes out of range. */
const stray: Act = async (place) => {
  const link = await join(place);
  await link.exchangeMtu(247);
  await link.subscribe((place.handles.get(VALUE) ?? 0) + 1);
  link.inRange = false;
  for (let count = 0; count < 6; count++) await pause(place);
  link.inRange = place.random.below(2) === 0;
  link.end();
};

/** Subscribes to indications, asks for many, and confirms none, until the camera ends it or something else does. */
const confirmNothing: Act = async (place) => {
  const link = await join(place);
  link.confirms = false;
  await link.subscribe((place.handles.get(SURE) ?? 0) + 1, 2);
  for (let count = 0; count < 20; count++) link.att(pduOf(place, att.writeCommand, ORDER, 1, count));
  if (place.random.below(4) === 0) await Promise.race([link.gone, place.over]);
  else await pause(place);
  link.end();
};

/** Begins long writes, and vanishes. */
const prepareAndVanish: Act = async (place) => {
  for (let turn = 0; turn < 3; turn++) {
    const link = await join(place);
    for (let part = place.random.below(70); part >= 0; part--) {
      link.att(pduOf(place, att.prepareWrite, UPLOAD, part & 0xff, 0, place.random.bytes(18)));
    }
    link.end();
  }
};

/** Asks the application what it never answers. */
const askForNothing: Act = async (place) => {
  const link = await join(place);
  for (let count = 0; count < 64; count++) link.att(pduOf(place, att.writeCommand, ABYSS, count));
  await pause(place);
  link.end();
};

/** Comes and goes, with and without a word. */
const flicker: Act = async (place) => {
  for (let turn = 0; turn < 8; turn++) {
    const link = await join(place);
    if (place.random.below(2) === 0) link.att(pduOf(place, att.read, VALUE));
    link.end([0x08, 0x13, 0x3e, 0x3d][place.random.below(4)]);
  }
};

/** Requests that do not wait for each other's answers. */
const pipeline: Act = async (place) => {
  const link = await join(place);
  for (let count = 0; count < 50; count++) {
    link.att(pduOf(place, place.random.below(2) === 0 ? att.read : att.write, UPLOAD));
  }
  await pause(place);
  link.end();
};

/** Exchanges the MTU and subscribes, again and again, one way and the other. */
const waver: Act = async (place) => {
  const link = await join(place);
  for (let count = 0; count < 20; count++) {
    await link.exchangeMtu(23 + place.random.below(600));
    const configuration = (place.handles.get(place.random.below(2) === 0 ? VALUE : SURE) ?? 0) + 1;
    await link.write(configuration, Buffer.from([place.random.below(4), 0]));
  }
  link.end();
};

/** ATT PDUs of every kind, with handles that exist and others, of every length. */
const babble: Act = async (place) => {
  const { random } = place;
  const link = await join(place);
  if (random.below(2) === 0) await link.exchangeMtu(517);
  const uuids = [...place.handles.keys()];
  for (let count = 0; count < 60; count++) {
    const opcode = random.below(4) === 0 ? random.below(256) : (Object.values(att)[random.below(18)] ?? 0);
    const body = random.bytes(random.below(random.below(16) === 0 ? 600 : 24));
    const isKnown = random.below(2) === 0;
    link.att(
      isKnown
        ? pduOf(place, opcode, uuids[random.below(uuids.length)] ?? 0, body)
        : Buffer.from([opcode, ...body]),
    );
    if (count % 10 === 9) await pause(place);
  }
  link.end();
};

/** L2CAP that is wrong: fragments, lengths, channels, signaling and pairing. */
const garble: Act = async (place) => {
  const { random } = place;
  const link = await join(place);
  for (let count = 0; count < 40; count++) {
    switch (random.below(5)) {
      case 0:
        link.acl(random.bytes(random.below(60)), random.below(16));
        break;
      case 1:
        link.frame(random.below(2) === 0 ? cid.signaling : cid.smp, random.bytes(random.below(40)));
        break;
      case 2:
        link.frame(random.below(0x10000), random.bytes(random.below(40)));
        break;
      case 3:
        link.acl(Buffer.from([0xff, random.below(256), 4, 0, ...random.bytes(20)]));
        break;
      default:
        link.acl(random.bytes(random.below(251)), 1);
    }
    // A controller holds no more than a few packets that its host has not fetched.
    if (count % 8 === 7) await pause(place);
  }
  await pause(place);
  link.end();
};

/** Events about links that are gone, twice, and with reserved bits; events that no host knows. */
const echo: Act = async (place) => {
  const { controller, random } = place;
  const link = await join(place);
  greet(link);
  await pause(place);
  const { handle } = link;
  link.end();
  controller.send(disconnectionComplete(handle, 0x13));
  controller.send(disconnectionComplete(handle | 0xf000, 0x08));
  controller.send(Buffer.from([0x04, 0x13, 5, 1, handle & 0xff, handle >> 8, 0xff, 0]));
  controller.send(Buffer.from([0x02, handle & 0xff, 0x20 | (handle >> 8), 3, 0, ...random.bytes(3)]));
  controller.send(Buffer.from([0x04, 0x80 + random.below(0x70), 3, ...random.bytes(3)]));
  controller.send(Buffer.from([0x04, 0x3e, 4, 0x20 + random.below(0xd0), ...random.bytes(3)]));
  controller.send("04 0e 03 01 0000");
};

/** A link whose LE Connection Complete comes twice. */
const double: Act = async (place) => {
  const link = await join(place);
  place.controller.send(connectionComplete(link.handle, { peer: place.peer }));
  link.att(pduOf(place, att.read, VALUE));
  await pause(place);
  link.end();
};

/** Some command is answered late. */
const dawdle: Act = async (place) => {
  const opcodes = [
    op.leSetAdvertisingParameters,
    op.leSetAdvertisingData,
    op.leSetAdvertisingEnable,
    op.disconnect,
  ];
  const opcode = opcodes[place.random.below(opcodes.length)] ?? op.disconnect;
  const late = place.random.below(PAUSE_MS);
  const obey = async (): Promise<void> => {
    const command = await place.controller.hold(opcode);
    await sleep(late);
    place.controller.obey(command);
  };
  // It may come in a later round, or never.
  obey().catch(() => undefined);
  await pause(place);
};

/** Acts of peers, and of a controller that is slow or repeats itself. */
export const acts: Readonly<Record<string, Act>> = {
  ...{ squat, hide, hoard, stray, confirmNothing, prepareAndVanish, askForNothing, flicker, pipeline, waver },
  ...{ babble, garble, echo, double, dawdle },
};

/** Data under way on the links that are up, of lengths that end nowhere near a round number; nothing answers it. */
function rush(controller: Controller, random: SeededRandom): void {
  for (let count = 0; count < RUSH; count++) {
    for (const link of controller.links.values()) link.frame(UNUSED_CHANNEL, random.bytes(random.below(240)));
  }
}

/** Faults of the controller and of its line, of which the camera recovers: every link ends. */
export const faults: Readonly<Record<string, (controller: Controller, random: SeededRandom) => void>> = {
  noise: (controller, random) => {
    rush(controller, random);
    controller.send(random.bytes(1));
    rush(controller, random);
  },
  incompletePacket: (controller, random) => {
    const packets = ["02 40 20 ff 00 01 02", "02 41", "04 3e 40 02", "04"];
    if (random.below(2) === 0) rush(controller, random);
    controller.send(packets[random.below(packets.length)] ?? "04");
    if (random.below(2) === 0) rush(controller, random);
  },
  failureUnderWay: (controller, random) => {
    rush(controller, random);
    controller.send("04 10 01 42");
    rush(controller, random);
  },
  hardwareError: (controller) => controller.send("04 10 01 42"),
  silence: (controller) => {
    controller.hold(op.leSetAdvertisingParameters).catch(() => undefined);
  },
  staleLinks: (controller) => {
    const stale = async (): Promise<void> => {
      const reset = await controller.hold(op.reset);
      for (let handle = 0x70; handle < 0x76; handle++) controller.send(connectionComplete(handle));
      controller.obey(reset);
      controller.send(connectionComplete(0x76));
    };
    stale().catch(() => undefined);
    controller.send("04 10 01 42");
  },
};
