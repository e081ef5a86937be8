/** What becomes of a wait that lost a Promise.race, and of the write that it takes. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const COMMAND = new UUID(0xfff1);

async function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const { advertise, Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(0xfff0));
  const command = new Characteristic(service, COMMAND, { write: true, capture: true });
  registerServices(service);
  const { phone } = world.addPhone();
  const meet = async () => {
    const advertised = advertise({ intervalUs: 20_000, name: "obscura" });
    const link = await phone.connect(await phone.find({ name: "obscura" }), { intervalMs: 7.5 });
    const { handle } = (await link.discover()).characteristic(0xfff1);
    const write = (value: number): Promise<void> => link.write(handle, new Uint8Array([value]));
    return { write, connection: await advertised };
  };
  return { world, camera, command, meet };
}

const UNSEEN = `aioble: nobody has looked at the write to ${COMMAND} before this one: a written() that lost a Promise.race takes the next write, so end it by a signal`;

describe("races: a captured write that a wait takes which lost a race", () => {
  it("is counted until somebody looks at it; taken, counted and held writes add up to all", async () => {
    const { world, camera, command, meet } = await createScene();
    await world.run(async () => {
      const { write } = await meet();
      const taken: number[] = [];
      for (let turn = 0; turn < 10; turn++) {
        const won = await Promise.race([command.written(), world.clock.sleep(100)]);
        if (won) taken.push(won.data[0]!);
      }
      // Ten waits are left behind, and take what comes first.
      for (let value = 1; value <= 12; value++) await write(value);
      deepEqual(taken, []);
      equal(command.droppedWrites, 10);
      deepEqual([(await command.written()).data[0], (await command.written()).data[0]], [11, 12]);
      equal(command.droppedWrites, 10);
    });
    deepEqual(diagnostics(camera), [UNSEEN]);
  });

  it("is counted no longer once it is looked at, however late, by its data or by its connection", async () => {
    const { world, command, meet } = await createScene();
    await world.run(async () => {
      const { write, connection } = await meet();
      const [first, second] = [command.written(), command.written()];
      await write(1);
      await write(2);
      equal(command.droppedWrites, 2);
      equal((await first).data[0], 1);
      equal(command.droppedWrites, 1);
      equal((await second).connection, connection);
      deepEqual([(await second).data[0], command.droppedWrites], [2, 0]);
    });
  });

  it("does not happen to a loop over writes(), nor to waits that are ended by a signal or a timeout", async () => {
    const { world, camera, command, meet } = await createScene();
    await world.run(async () => {
      const { write, connection } = await meet();
      const taken: number[] = [];
      for (let turn = 0; turn < 5; turn++) {
        const { AbortController } = camera.globals;
        const aborter = new AbortController();
        const waiting = command.written({ signal: aborter.signal }).catch(() => undefined);
        await Promise.race([waiting, world.clock.sleep(100)]);
        aborter.abort();
        await command.written({ timeoutMs: 100, signal: connection.timeout() }).catch(() => undefined);
      }
      const loop = (async () => {
        for await (const { data } of command.writes()) if (taken.push(data[0]!) === 3) return;
      })();
      for (let value = 1; value <= 3; value++) await write(value);
      await loop;
      deepEqual(taken, [1, 2, 3]);
      equal(command.droppedWrites, 0);
    });
    deepEqual(diagnostics(camera), []);
  });

  it("has a line in the log when many waits are left behind, before they fill the memory", async () => {
    const { world, camera, command, meet } = await createScene();
    await world.run(async () => {
      await meet();
      for (let turn = 0; turn < 20; turn++) await Promise.race([command.written(), world.clock.sleep(10)]);
    });
    deepEqual(diagnostics(camera), [
      `aioble: more than 16 calls of written() wait for ${COMMAND}: end those that lost a Promise.race by a signal, or they fill the memory`,
    ]);
  });
});
