/** What stays of links that are down: nothing, whatever was done on them and is under way when they end. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { grown, keptBy } from "../support/kept.ts";
import { createPair } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

const PSM = 0x80;
const ENDS = ["central", "peripheral", "central's radio", "peripheral's radio"] as const;

function kept({ host, aioble, bluetooth }: AiobleCamera): Record<string, number> {
  const { platform } = host;
  return keptBy({ host, aioble, bluetooth }, [platform, ...Object.values(platform)]);
}

describe("links: what stays", () => {
  for (const isBonded of [false, true]) {
    it(`of ${isBonded ? "bonded" : "other"} devices' links, after all that a link is for, and with all of it under way: no collection has grown`, async () => {
      const pair = createPair();
      const { world, central, peripheral } = pair;
      const service = new peripheral.aioble.Service(new UUID(0xff00));
      const value = new peripheral.aioble.Characteristic(service, new UUID(0xff01), {
        ...{ read: true, write: true, notify: true, indicate: true, capture: true },
      });
      peripheral.aioble.registerServices(service);
      const play = async (end: (typeof ENDS)[number]): Promise<void> => {
        const { outgoing, incoming } = await pair.meet();
        if (isBonded) await outgoing.pair();
        const found = await outgoing.service(new UUID(0xff00));
        const remote = await found!.characteristic(new UUID(0xff01));
        await outgoing.exchangeMtu();
        await remote!.subscribe({ notify: true, indicate: true });
        await remote!.write(Uint8Array.of(1));
        await value.notify(incoming, Uint8Array.of(2));
        await remote!.notified({ timeoutMs: 1000 });
        const accepted = incoming.l2capAccept(PSM);
        const channel = await outgoing.l2capConnect(PSM);
        const theirs = await accepted;
        await channel.send(new Uint8Array(10));
        await outgoing.setPhy({ tx: "2M", rx: "2M" }).catch(() => {});
        await outgoing
          .updateParameters({ minConnIntervalUs: 50_000, maxConnIntervalUs: 50_000 })
          .catch(() => {});
        await incoming.readRssi().catch(() => {});
        // Under way when it ends.
        const under = [
          remote!.notified(),
          remote!.read(),
          outgoing.flush(),
          outgoing.readRssi(),
          outgoing.setPhy({ tx: "1M" }),
          outgoing.pair({ mitm: true, agent: { display() {} } }),
          incoming.pair({ mitm: true, agent: { display() {} } }),
          incoming.l2capAccept(PSM + 1),
          outgoing.l2capConnect(PSM + 2),
          channel.recvinto(new Uint8Array(5)),
          theirs.send(new Uint8Array(500)),
          value.indicate(incoming, Uint8Array.of(3), { timeoutMs: 5000 }),
          value.notify(incoming, new Uint8Array(20)),
          outgoing.updateParameters({ minConnIntervalUs: 80_000, maxConnIntervalUs: 80_000 }),
        ].map((work) =>
          work.then(
            () => {},
            () => {},
          ),
        );
        if (end === "central") await outgoing.disconnect();
        else if (end === "peripheral") await incoming.disconnect();
        else await (end === "central's radio" ? central : peripheral).aioble.stop();
        await Promise.all(under);
        await outgoing.disconnected();
        await incoming.disconnected();
        // What was written for nobody to read.
        for (let left = 0; left < 10; left++) await value.written({ timeoutMs: 10 }).catch(() => {});
        await world.clock.sleep(60_000);
      };
      await world.run(async () => {
        for (const end of ENDS) await play(end);
        const before = [kept(central), kept(peripheral)] as const;
        for (const end of ENDS) await play(end);
        deepEqual([grown(before[0], kept(central)), grown(before[1], kept(peripheral))], [{}, {}]);
      }, 3_600_000);
    });
  }
});
