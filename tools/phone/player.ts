/** Plays the steps of a script with phones, and reports what they see. */

import { attErrorText } from "../../firmware/ble/att/errors.ts";
import { formatAddress, hex } from "../../firmware/ble/codec.ts";
import { statusText } from "../../firmware/ble/hci/status.ts";
import type { UUID } from "../../firmware/ble/uuid.ts";
import { identify } from "../../simulator/phone/assigned-numbers.ts";
import type { ServerValue } from "../../simulator/phone/att.ts";
import { AttErrorResponse, PhoneError } from "../../simulator/phone/errors.ts";
import type { PhoneUser } from "../../simulator/phone/pairing.ts";
import { serviceEvents, sightingEvent, valueEvent } from "../../simulator/phone/session.ts";
import type { Sighting } from "../../simulator/phone/sightings.ts";
import type { CentralEvent } from "../rig/events.ts";
import { Actor, fail, ScriptError, title } from "./actor.ts";
import type { Attribute, Line, PairChoice, Pattern, Step, Whom } from "./script.ts";
import type { ScriptPhone } from "./script-phone.ts";

/** What the steps of a script play with. */
export interface Stage {
  addPhone(): ScriptPhone;
  wait(ms: number): Promise<void>;
  /** Resolves with the line with this text that the camera's console has, or gets within that time. Each once. */
  heard(text: string, withinMs: number): Promise<string | undefined>;
  /** The line that a person types within that time; left out where nobody does. */
  typed?(withinMs: number): Promise<string | undefined>;
}

const READ = 0x02;
const NOTIFY = 0x10;

/** How long a passkey on the camera's console is waited for. */
const PASSKEY_MS = 30_000;

/** Plays lines one after the other. */
export class Player {
  private readonly stage: Stage;
  private readonly report: (event: CentralEvent) => void;
  private readonly actors = new Map<number, Actor>();
  private number = 1;
  /** A refusal that the next step must expect. */
  private refused: { readonly place: string; readonly message: string; readonly code: number } | undefined;

  constructor(stage: Stage, report: (event: CentralEvent) => void) {
    this.stage = stage;
    this.report = report;
  }

  /** @throws ScriptError with the line's place, when a step does not go as the script says. */
  async play(lines: readonly Line[]): Promise<void> {
    await this.playPart(lines);
    this.report({ event: "done" });
  }

  /** The same for a part of what there is to play: phones go on with the next. */
  async playPart(lines: readonly Line[]): Promise<void> {
    for (const { place, step } of lines) await this.placed(place, step);
    this.settle();
  }

  /** Plays one step that was typed: a refusal is only reported, and a later step need not expect it. */
  async playOne(step: Step): Promise<void> {
    if (step.do !== "expect refusal") this.refused = undefined;
    await this.perform(step, "");
  }

  /** The refusal of the step that was played last, in a sentence; undefined where it was done, or expected to be refused. */
  get refusal(): string | undefined {
    return this.refused?.message;
  }

  private async placed(place: string, step: Step): Promise<void> {
    if (step.do !== "expect refusal") this.settle();
    try {
      await this.perform(step, place);
    } catch (error) {
      if (!(error instanceof ScriptError || error instanceof PhoneError)) throw error;
      throw new ScriptError(`${place}: ${error.message}`);
    }
  }

  private settle(): void {
    if (this.refused !== undefined) throw new ScriptError(`${this.refused.place}: ${this.refused.message}`);
  }

  private get actor(): Actor {
    const known = this.actors.get(this.number);
    if (known !== undefined) return known;
    const actor = new Actor(this.stage.addPhone());
    this.actors.set(this.number, actor);
    return actor;
  }

  private async perform(step: Step, place: string): Promise<void> {
    if (step.do === "phone") {
      this.number = step.number;
      return;
    }
    const { actor, report } = this;
    switch (step.do) {
      case "find":
        await this.find(actor, step.withinMs, step.whom);
        return;
      case "listen":
        return this.listen(actor, step.count, step.withinMs);
      case "connect":
        return this.connect(actor, step.mtu, step.plain);
      case "pair":
        return this.orFailure("pair", place, () => this.pair(actor, step));
      case "encrypt":
        return this.orFailure("encrypt", place, async () => {
          if (!(await actor.link.encryptWithBond()))
            fail("this phone has no bond with the camera: pair first");
          report({ event: "encrypted" });
        });
      case "forget":
        if (!actor.forget()) fail("this phone has no bond with the camera");
        report({ event: "forgotten" });
        return;
      case "database":
        report({ event: "database", services: serviceEvents(await actor.rediscovered()) });
        return;
      case "read":
        return this.orRefusal(actor, "read", step.attribute, place, () => this.read(actor, step.attribute));
      case "read all":
        return this.readAll(actor);
      case "write":
        return this.orRefusal(actor, "write", step.attribute, place, () => this.write(actor, step));
      case "subscribe":
        return this.orRefusal(actor, "subscribe", step.attribute, place, async () => {
          const characteristic = await actor.characteristic(step.attribute);
          await actor.link.subscribe(characteristic, step.indications ? "indicate" : "notify");
          report({ event: "subscribed", ...identify(characteristic.uuid) });
        });
      case "subscribe all":
        for (const characteristic of (await actor.discovered()).characteristics) {
          const { properties, uuid } = characteristic;
          if ((properties & NOTIFY) === 0) continue;
          await this.unlessRefused("subscribe", uuid, async () => {
            await actor.link.subscribe(characteristic);
            report({ event: "subscribed", ...identify(uuid) });
          });
        }
        return;
      case "unsubscribe": {
        const characteristic = await actor.characteristic(step.attribute);
        await actor.link.subscribe(characteristic, "none");
        report({ event: "unsubscribed", ...identify(characteristic.uuid) });
        return;
      }
      case "notifications":
        return this.notifications(actor, step.count, step.withinMs);
      case "wait":
        return this.stage.wait(step.ms);
      case "disconnect":
        return this.disconnected(actor, await actor.link.disconnect());
      case "expect disconnection":
        return this.disconnected(actor, await actor.link.disconnected(step.withinMs));
      case "expect value":
        if (actor.value === undefined) fail("nothing was read yet");
        if (!matches(actor.value!, step.pattern)) {
          fail(`expected ${patternText(step.pattern)}, read ${hex(actor.value!) || "empty"}`);
        }
        return;
      case "expect refusal":
        return this.expectRefusal(step.code);
      case "expect notification":
        return this.expectNotification(actor, step);
      case "expect silence": {
        const value = actor.received.shift() ?? (await nextValue(actor, step.ms));
        if (value !== undefined)
          fail(`expected silence, but handle 0x${value.handle.toString(16)} sent ${hex(value.value)}`);
        report({ event: "silence", seconds: step.ms / 1000 });
        return;
      }
      case "expect log":
        if ((await this.stage.heard(step.text, step.withinMs)) === undefined) {
          fail(`the camera did not say "${step.text}" within ${step.withinMs / 1000} s`);
        }
        return;
    }
  }

  private async find(actor: Actor, withinMs: number, { again = false, ...whom }: Whom): Promise<Sighting> {
    const { phone, sighting: before } = actor;
    if (!actor.isReady) {
      await phone.start();
      actor.isReady = true;
      this.report({ event: "ready", address: formatAddress(phone.address) });
    }
    if (again && before === undefined) fail("no camera was found before");
    const sighting = await phone.find(again ? { address: before!.address } : whom, withinMs);
    actor.sighting = sighting;
    this.report({ event: again ? "advertisingAgain" : "found", ...sightingEvent(sighting) });
    return sighting;
  }

  private async listen(actor: Actor, count: number, withinMs: number): Promise<void> {
    let last = actor.sighting ?? (await this.find(actor, withinMs, {}));
    for (let number = 1; number <= count; number++) {
      last = await actor.phone.find({ address: last.address, unlike: last }, withinMs);
      this.report({ event: "heard", number, ...sightingEvent(last) });
    }
    actor.sighting = last;
  }

  private async connect(actor: Actor, mtu: number, plain: boolean): Promise<void> {
    const sighting = actor.sighting ?? (await this.find(actor, 30_000, {}));
    if (!sighting.connectable) fail("this camera advertises so that nobody can connect");
    actor.left();
    const link = await actor.phone.connect(sighting);
    actor.connected(link);
    this.report({ event: "connected", address: formatAddress(sighting.address), mtu: link.mtu });
    if (!plain && (await link.encryptWithBond())) this.report({ event: "encrypted" });
    if (mtu > 23) this.report({ event: "mtu", asked: mtu, mtu: await link.exchangeMtu(mtu) });
  }

  private async pair(actor: Actor, { after, isEqual, legacy, passkey }: PairChoice): Promise<void> {
    const user: PhoneUser = {
      type: async () => {
        this.report({ event: "types" });
        if (passkey !== undefined) return passkey;
        if (after === undefined) return passkeyIn(await this.stage.typed?.(PASSKEY_MS), /^\s*(\d{6})\s*$/);
        const line = await this.stage.heard(after, PASSKEY_MS);
        return passkeyIn(line?.slice(line.indexOf(after) + after.length), /(\d{6})/);
      },
      show: (number) => this.report({ event: "shows", number: sixDigits(number) }),
      compare: (number) => {
        this.report({ event: "compares", number: sixDigits(number) });
        return isEqual;
      },
    };
    const paired = await actor.link.pair({ legacy, user, ...(passkey === undefined ? {} : { passkey }) });
    const { isAuthenticated: authenticated, isSecureConnections: secureConnections } = paired;
    this.report({ event: "paired", encrypted: true, authenticated, secureConnections });
  }

  /** Reports that a pairing or an encryption failed, which the next step must expect. */
  private async orFailure(what: "pair" | "encrypt", place: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PhoneError) || error.code === 0) throw error;
      this.report({ event: "failed", step: what, message: error.message, code: error.code });
      this.refused = { place, code: error.code, message: error.message };
    }
  }

  private async read(actor: Actor, attribute: Attribute): Promise<void> {
    const value = await actor.link.read(await actor.handle(attribute));
    actor.value = value;
    const { descriptor } = attribute;
    if (descriptor === undefined) {
      this.report({ event: "value", ...valueEvent(await actor.characteristic(attribute), value) });
    } else {
      const handle = await actor.handle(attribute);
      this.report({ event: "descriptor", ...identify(descriptor), handle, raw: hex(value) });
    }
  }

  private async readAll(actor: Actor): Promise<void> {
    for (const characteristic of (await actor.discovered()).characteristics) {
      if (characteristic.properties & READ)
        await this.unlessRefused("read", characteristic.uuid, async () => {
          const value = await actor.link.read(characteristic);
          this.report({ event: "value", ...valueEvent(characteristic, value) });
        });
      for (const { handle, uuid } of characteristic.descriptors)
        await this.unlessRefused("read", uuid, async () => {
          const raw = hex(await actor.link.read(handle));
          this.report({ event: "descriptor", ...identify(uuid), handle, raw });
        });
    }
  }

  /** One of all values: a refusal is reported. Returns it, where there is one. */
  private async unlessRefused(
    what: "read" | "write" | "subscribe",
    uuid: UUID,
    work: () => Promise<void>,
  ): Promise<{ readonly code: number; readonly meaning: string } | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      if (!(error instanceof AttErrorResponse)) throw error;
      const { code } = error;
      const meaning = attErrorText(code);
      this.report({ event: "refused", ...identify(uuid), what, code, meaning });
      return { code, meaning };
    }
  }

  private async write(
    actor: Actor,
    { attribute, value, response }: Step & { readonly do: "write" },
  ): Promise<void> {
    const handle = await actor.handle(attribute);
    if (response) await actor.link.write(handle, value);
    else await actor.link.writeWithoutResponse(handle, value);
    const written = identify(attribute.descriptor ?? attribute.uuid);
    this.report({ event: "written", ...written, raw: hex(value), response });
  }

  /** Reports a refusal, which the next step must expect. */
  private async orRefusal(
    actor: Actor,
    what: "read" | "write" | "subscribe",
    { uuid, descriptor }: Attribute,
    place: string,
    work: () => Promise<void>,
  ): Promise<void> {
    const refusal = await this.unlessRefused(what, descriptor ?? uuid, work);
    if (refusal === undefined) return;
    actor.value = undefined;
    const { code, meaning } = refusal;
    const message = `the camera refused to ${what} ${title(descriptor ?? uuid)}: ${meaning}`;
    this.refused = { place, code, message };
  }

  private expectRefusal(code: number | undefined): void {
    const { refused } = this;
    this.refused = undefined;
    if (refused === undefined) fail("the step before was not refused");
    if (code !== undefined && refused!.code !== code) {
      fail(`expected a refusal with 0x${hex2(code)}, it was 0x${hex2(refused!.code)}`);
    }
  }

  private async notifications(actor: Actor, count: number, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (let taken = 0; taken < count; taken++) {
      const value =
        actor.received.shift() ?? (await nextValue(actor, Math.max(1, deadline - performance.now())));
      if (value === undefined) fail(`${taken} of ${count} notifications came within ${withinMs / 1000} s`);
      await this.reportNotification(actor, value!);
    }
  }

  private async expectNotification(
    actor: Actor,
    { attribute, pattern, withinMs }: Step & { readonly do: "expect notification" },
  ): Promise<void> {
    const { handle } = await actor.characteristic(attribute);
    const deadline = performance.now() + withinMs;
    for (let index = 0; ; ) {
      let value = actor.received[index];
      if (value === undefined) {
        value = await nextValue(actor, Math.max(1, deadline - performance.now()));
        if (value === undefined)
          fail(`no notification of ${title(attribute.uuid)} came within ${withinMs / 1000} s`);
        actor.received.push(value!);
      }
      if (value!.handle !== handle) {
        index++;
        continue;
      }
      actor.received.splice(index, 1);
      await this.reportNotification(actor, value!);
      if (pattern !== undefined && !matches(value!.value, pattern)) {
        fail(
          `expected ${patternText(pattern)} of ${title(attribute.uuid)}, it sent ${hex(value!.value) || "empty"}`,
        );
      }
      return;
    }
  }

  private async reportNotification(actor: Actor, { kind, handle, value }: ServerValue): Promise<void> {
    const { characteristics } = await actor.discovered();
    const characteristic = characteristics.find((candidate) => candidate.handle === handle);
    if (characteristic === undefined) return;
    const number = ++actor.notifications;
    const fields = { event: "notification", number, ...valueEvent(characteristic, value) } as const;
    this.report(kind === "indication" ? { ...fields, indication: true } : fields);
  }

  private disconnected(actor: Actor, reason: number): void {
    actor.left();
    this.report({ event: "disconnected", reason, name: statusText(reason) });
  }
}

/** Undefined when nothing comes within that time and the link stays up. */
async function nextValue({ link }: Actor, withinMs: number): Promise<ServerValue | undefined> {
  try {
    return await link.nextValue(withinMs);
  } catch (error) {
    if (!link.isConnected || !(error instanceof PhoneError)) throw error;
    return undefined;
  }
}

const matches = (value: Uint8Array, pattern: Pattern): boolean =>
  value.length === pattern.length &&
  pattern.every((byte, index) => byte === undefined || byte === value[index]);

function passkeyIn(text: string | undefined, form: RegExp): number | undefined {
  const [, digits] = form.exec(text ?? "") ?? [];
  return digits === undefined ? undefined : Number(digits);
}

const sixDigits = (number: number): string => `${number}`.padStart(6, "0");

const hex2 = (byte: number): string => byte.toString(16).padStart(2, "0");

const patternText = (pattern: Pattern): string =>
  pattern.length === 0 ? "empty" : pattern.map((byte) => (byte === undefined ? ".." : hex2(byte))).join("");
