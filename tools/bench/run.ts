/** One run of an image with probes against the peer: starts it, lets a script run, returns what the probes said. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type QemuOptions, qemuProgram, type SerialTarget } from "../../boards/common/mps/qemu.ts";
import { qemuArguments as an500Arguments } from "../../boards/mps2-an500/qemu.ts";
import { qemuArguments as an547Arguments } from "../../boards/mps3-an547/qemu.ts";
import { ToolError } from "../events.ts";
import { Program } from "../program.ts";
import { BenchController } from "./controller.ts";
import type { BenchImages } from "./images.ts";
import { Peer } from "./peer.ts";

/** Longer than any run takes on a slow computer. */
const PATIENCE_MS = 900_000;

/** The arguments of QEMU for the boards that it emulates. */
export const qemuArguments: Readonly<Record<string, ((options: QemuOptions) => string[]) | undefined>> = {
  "mps2-an500": an500Arguments,
  "mps3-an547": an547Arguments,
};

/** What the probes reported. */
export interface Report {
  /** The console lines of the probes, without "bench: ". */
  readonly lines: readonly string[];
  /** Host board: callgrind's instructions, by figure; "collection:FIGURE" has those of its collections. */
  readonly callgrind: ReadonlyMap<string, number>;
}

/** How to run an image. */
export interface RunOptions {
  /**
   * When the image is to be ended: once the script has returned and the probes have said as many lines that start with
   * "memory". Left out: when the image ends by itself.
   */
  readonly enough?: number;
  /** Host board: without callgrind, at full speed. */
  readonly plain?: boolean;
}

/**
 * Runs `application`; `script` plays the peer's part.
 * @throws ToolError with the camera's console when the run does not come to its end.
 */
export async function runImage(
  images: BenchImages,
  application: string,
  script: (peer: Peer) => Promise<void>,
  { enough, plain = false }: RunOptions = {},
): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "obscura-bench-"));
  const lines: string[] = [];
  let wake: () => void = () => undefined;
  const controller = new BenchController();
  const { server, connected, hci } = await listen(
    isEmulated(images) ? undefined : join(folder, "hci"),
    controller,
  );
  const command = commandFor(images, application, hci, plain ? undefined : folder);
  const program = new Program("camera", command, (line) => {
    lines.push(line);
    wake();
  });
  const said = () => lines.flatMap((line) => /\bbench: (.*)/.exec(line)?.[1] ?? []);
  const saidEnough = new Promise<void>((resolve) => {
    wake = () => {
      if (said().filter((line) => line.startsWith("memory")).length === enough) resolve();
    };
  });
  let impatience: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_, reject) => {
    const fail = (why: string) => reject(new ToolError(`The benchmark on ${images.board.name} ${why}`));
    impatience = setTimeout(() => fail(`took more than ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
    void program.exited.then((status) => {
      if (status !== 0) fail(`ended with status ${status}`);
    });
  });
  failed.catch(() => undefined);
  try {
    await Promise.race([connected, failed]);
    await Promise.race([script(new Peer(controller)), failed]);
    await Promise.race([enough === undefined ? program.exited : saidEnough, failed]);
    await program.stop();
    return { lines: said(), callgrind: readCallgrind(folder) };
  } catch (error) {
    const console = lines.slice(-30).join("\n");
    throw new ToolError((error as Error).message, console);
  } finally {
    clearTimeout(impatience);
    await program.stop();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const isEmulated = ({ board }: BenchImages): boolean => qemuArguments[board.name] !== undefined;

/** What a camera's line leads to. */
interface Listening {
  readonly server: Server;
  readonly connected: Promise<void>;
  readonly hci: SerialTarget & { readonly kind: "tcp" | "unix" };
}

/**
 * The host board opens a connection each time when it opens its line; QEMU keeps one, and writes byte by byte. A UNIX socket
 * holds fewer than 300 such writes: whether the camera's UART stops then would be up to how soon this process reads. TCP
 * holds what a camera ever sends at once.
 */
function listen(path: string | undefined, controller: BenchController): Promise<Listening> {
  let found: () => void;
  const connected = new Promise<void>((resolve) => {
    found = resolve;
  });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.setNoDelay();
    controller.attach(socket);
    found();
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    if (path === undefined) {
      const host = "127.0.0.1";
      server.listen(0, host, () => {
        const { port } = server.address() as AddressInfo;
        resolve({ server, connected, hci: { kind: "tcp", host, port } });
      });
    } else server.listen(path, () => resolve({ server, connected, hci: { kind: "unix", path } }));
  });
}

/** A power-on is over at once: its end, 10 s later, would fall into one figure or another (port_power_on_ms). */
const POWER_ON_MS = 1;

/** @param folder for callgrind's dumps; left out: without it. */
function commandFor(
  images: BenchImages,
  application: string,
  hci: Listening["hci"],
  folder: string | undefined,
): [string, ...string[]] {
  const emulated = qemuArguments[images.board.name];
  if (emulated) {
    const args = emulated({
      elf: images.image,
      app: application,
      hci,
      // The same entropy each time, so that each run takes the same path.
      seed: "00".repeat(32),
      icount: { shift: 0 },
      exitOnReset: true,
      arguments: [`power-on=${POWER_ON_MS}`],
    });
    return [qemuProgram, ...args];
  }
  const target = hci.kind === "unix" ? `unix:${hci.path}` : `tcp:${hci.host}:${hci.port}`;
  const args = [
    "--hci",
    target,
    "--app",
    application,
    "--max-resets",
    "0",
    "--power-on-ms",
    `${POWER_ON_MS}`,
  ];
  if (folder === undefined) return [images.image, ...args];
  return [
    "valgrind",
    ...["--tool=callgrind", "--quiet", "--collect-atstart=no"],
    `--callgrind-out-file=${join(folder, "callgrind.out")}`,
    images.image,
    ...args,
  ];
}

/** Each dump names the figure that it is a part of, or whose collection it is: native/counter_host.c. */
function readCallgrind(folder: string): Map<string, number> {
  const figures = new Map<string, number>();
  for (const file of readdirSync(folder).filter((name) => name.startsWith("callgrind.out"))) {
    const text = readFileSync(join(folder, file), "utf8");
    const figure = /^desc: Trigger: Client Request: (.+)$/m.exec(text)?.[1];
    const total = /^(?:totals|summary): (\d+)/m.exec(text)?.[1];
    if (figure !== undefined && total !== undefined)
      figures.set(figure, (figures.get(figure) ?? 0) + Number(total));
  }
  return figures;
}
