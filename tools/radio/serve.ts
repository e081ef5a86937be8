/**
 * A simulated air with a controller for each connection, and a phone if one is asked for:
 *
 *     node --import tsx tools/radio/serve.ts --connect obscura-env
 *
 * prints one JSON object a line: {"event":"listening","address":"tcp:127.0.0.1:41234"} first, then what happens, and
 * what the phone sees of the camera of that name. With --connect it ends with the session, else by SIGINT or SIGTERM.
 */
import { parseArgs } from "node:util";
import { runPhoneSession } from "../../simulator/phone/session.ts";
import { SimulatorServer } from "./simulator-server.ts";

const usage = `usage: serve.ts [--listen tcp:HOST:PORT|unix:PATH] [--seed N] [--loss P] [--connect NAME]

  --listen  where hosts connect (default tcp:127.0.0.1:0, any free port)
  --seed    of random numbers and losses (default 1)
  --loss    probability that a packet is lost in the air, 0 to 1 (default 0)
  --connect   let a phone connect to the camera of this name, and end
`;

const report = (event: object): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

function readOptions() {
  const { values } = parseArgs({
    options: {
      listen: { type: "string" },
      seed: { type: "string", default: "1" },
      loss: { type: "string", default: "0" },
      connect: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [seed, loss] = [Number(values.seed), Number(values.loss)];
  if (!Number.isInteger(seed)) throw new RangeError(`--seed ${values.seed} is not an integer`);
  if (!(loss >= 0 && loss <= 1)) throw new RangeError(`--loss ${values.loss} is not from 0 to 1`);
  return { ...values, seed, loss };
}

async function run(): Promise<void> {
  const { help, listen, seed, loss, connect: name } = readOptions();
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const onChange = (message: string): void => report({ event: "air", message });
  const server = new SimulatorServer({ listen, seed, loss, onChange });
  report({ event: "listening", address: await server.listen() });
  if (name === undefined) {
    await new Promise<void>((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    });
  } else {
    try {
      for await (const event of runPhoneSession(server.addPhone(), { name })) report(event);
    } catch (error) {
      report({
        event: "failed",
        step: "session",
        message: error instanceof Error ? error.message : String(error),
      });
      process.exitCode = 1;
    }
  }
  await server.close();
}

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}`);
  process.exitCode = 2;
}
