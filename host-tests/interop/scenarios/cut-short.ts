/** What a central began and did not end: the camera frees it, and serves the next. And more than the camera can send. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  COMMAND,
  CONTROL,
  LEFT,
  LONG,
  MANY,
  NAME,
  SERVICE,
  SHORT,
  SURE,
} from "../applications/everything/names.ts";
import { ATT, ask, type Database, discover, nextUpdate, pdu } from "../att-requests.ts";
import type { RawCentral } from "../raw-central.ts";
import type { Rig } from "../rig.ts";

/** PDUs that may wait in a link's queue (docs/DESIGN.md). */
const QUEUE_LIMIT = 32;

/** @param rig with the application "everything" */
export function cutShort(rig: () => Rig): void {
  describe("with a central that stops in the middle", () => {
    let database: Database | undefined;

    const connect = async (): Promise<{ raw: RawCentral; handleOf: Database["handleOf"] }> => {
      const raw = await rig().raw();
      await raw.connect(NAME);
      database ??= await discover(raw, SERVICE);
      return { raw, handleOf: database.handleOf };
    };

    /** Vanishes; then one comes that finds the camera serving. */
    const replace = async (gone: RawCentral): Promise<RawCentral> => {
      gone.close();
      const { raw, handleOf } = await connect();
      assert.equal((await ask(raw, ATT.READ, handleOf(LEFT))).toString(), "left");
      return raw;
    };

    const order = (raw: RawCentral, handleOf: Database["handleOf"], command: number) =>
      ask(raw, ATT.WRITE, handleOf(CONTROL), Buffer.from([command]));

    it("drops prepared writes whose central vanished", async () => {
      const { raw, handleOf } = await connect();
      const [long, short] = [handleOf(LONG), handleOf(SHORT)];
      const before = [await ask(raw, ATT.READ, long), await ask(raw, ATT.READ, short)];
      for (let offset = 0; offset < 180; offset += 18) {
        await ask(raw, ATT.PREPARE, long, offset, Buffer.alloc(18, 0xee));
      }
      await ask(raw, ATT.PREPARE, short, 0, Buffer.from("never"));
      const next = await replace(raw);
      await ask(next, ATT.EXECUTE, Buffer.from([1]));
      assert.deepEqual([await ask(next, ATT.READ, long), await ask(next, ATT.READ, short)], before);
      await next.disconnect();
    });

    it("drops a frame of which only the beginning came", async () => {
      const { raw } = await connect();
      raw.sendAcl(Buffer.from("0f0004001210002020202020", "hex"));
      await (await replace(raw)).disconnect();
    });

    it("forgets a request whose answer nobody heard, and an indication that nobody confirmed", async () => {
      const { raw, handleOf } = await connect();
      await ask(raw, ATT.WRITE, handleOf(SURE) + 1, 2);
      await order(raw, handleOf, COMMAND.INDICATE);
      await nextUpdate(raw, ATT.INDICATION);
      raw.sendAtt(pdu(ATT.READ, handleOf(LONG)));
      const next = await replace(raw);
      await ask(next, ATT.WRITE, handleOf(SURE) + 1, 2);
      await order(next, handleOf, COMMAND.INDICATE);
      await nextUpdate(next, ATT.INDICATION);
      next.sendAtt(pdu(ATT.CONFIRMATION));
      await next.disconnect();
    });

    const numbers = async (raw: RawCentral, count: number): Promise<void> => {
      for (let number = 0; number < count; number++) {
        assert.equal(
          (await nextUpdate(raw, ATT.NOTIFICATION)).slice(4),
          Buffer.from([number]).toString("hex"),
        );
      }
    };

    const notified = async (raw: RawCentral, handleOf: Database["handleOf"]): Promise<void> => {
      await order(raw, handleOf, COMMAND.NOTIFY);
      assert.equal(
        (await nextUpdate(raw, ATT.NOTIFICATION)).slice(4),
        Buffer.from("notified").toString("hex"),
      );
    };

    it("leaves out what the queue does not hold, sends all that it does, in order, and goes on", async () => {
      const { raw, handleOf } = await connect();
      await ask(raw, ATT.WRITE, handleOf(LEFT) + 1, 1);
      const from = rig().camera.console.length;
      await order(raw, handleOf, COMMAND.FLOOD);
      const line = await rig().camera.line(/flood: \d+ reached/, undefined, from);
      const count = Number(/(\d+) reached/.exec(line)?.[1]);
      assert.ok(count >= QUEUE_LIMIT && count < MANY, line);
      await numbers(raw, count);
      await notified(raw, handleOf);
      await raw.disconnect();
    });

    it("loses nothing for an application that awaits each notification", async () => {
      const { raw, handleOf } = await connect();
      await ask(raw, ATT.WRITE, handleOf(LEFT) + 1, 1);
      await order(raw, handleOf, COMMAND.STREAM);
      await numbers(raw, MANY);
      await raw.disconnect();
    });

    it("drops a full queue whose central vanished", async () => {
      const { raw, handleOf } = await connect();
      await ask(raw, ATT.WRITE, handleOf(LEFT) + 1, 1);
      raw.sendAtt(pdu(ATT.WRITE, handleOf(CONTROL), Buffer.from([COMMAND.FLOOD])));
      await nextUpdate(raw, ATT.NOTIFICATION);
      const next = await replace(raw);
      await ask(next, ATT.WRITE, handleOf(LEFT) + 1, 1);
      await notified(next, handleOf);
      await next.disconnect();
    });
  });
}
