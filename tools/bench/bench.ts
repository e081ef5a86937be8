/** `npm run bench`: what the product costs, in instructions, bytes and wake-ups. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Board } from "../build/boards.ts";
import { build } from "../build/build.ts";
import { DEFAULT_MANIFEST } from "../build/manifest.ts";
import { type Operation, step, ToolError } from "../events.ts";
import { readSections, storedBytes, usedOf } from "../size/elf.ts";
import { measureColdStart, measureWakeCycle, virtualColdStartMs } from "./cold-start.ts";
import type { BoardFigures, Figures } from "./figures.ts";
import { type BenchImages, buildBenchImages, EXAMPLE } from "./images.ts";
import type { Peer } from "./peer.ts";
import { type Report, runImage } from "./run.ts";
import {
  ADVERTISERS,
  CHANNEL_REPETITIONS,
  type Counted,
  DISCOVERY_REPETITIONS,
  FIT_COUNT,
  PAIRING_FIGURES,
  PAIRINGS,
  PATHS,
  RECONNECTIONS,
  REPETITIONS,
  RESOLUTIONS,
  RESTARTS,
  UPLOAD_KB,
} from "./script.ts";

const IDLE_MS = 10_000;
/** One start differs from the next by a fraction of a percent: received bytes come between other instructions. */
const STARTS = 3;

/** What links camera and central where notifications are counted by the second. */
const RIG = "the benchmark's controller, which answers at once, over a unix socket";

/** Builds what is missing, measures everything. */
export async function* bench(manifest: string = DEFAULT_MANIFEST): Operation<Figures> {
  const product = yield* build({ application: EXAMPLE, board: "mps2-an500", manifest });
  const peripheral = yield* build({ application: EXAMPLE, board: "mps2-an500", manifest: "peripheral" });
  const third = yield* build({ application: EXAMPLE, board: "mps3-an547", manifest });
  const [camera, host, cortexM55] = yield* step("probes", "Images with probes", async (progress) => {
    const images: BenchImages[] = [];
    for (const board of ["mps2-an500", "host", "mps3-an547"])
      images.push(await buildBenchImages(board, progress, { manifest }));
    return { value: images as [BenchImages, BenchImages, BenchImages] };
  });
  return yield* step("measure", "Measurements", async () => {
    const [onCamera, onHost, start, fit, channels, discovery, scan, bonds] = await Promise.all([
      runImage(camera, camera.application, (peer) => operations(peer, IDLE_MS)),
      runImage(host, host.application, (peer) => operations(peer, IDLE_MS)),
      measureStart(camera),
      runImage(camera, camera.fit, (peer) => peer.fits()),
      hasChannels(camera) ? runImage(camera, camera.channels, measureChannel) : undefined,
      measureDiscovery(camera),
      measureScan(camera),
      hasSecurity(camera) ? runImage(camera, camera.bonds, async () => {}) : undefined,
    ]);
    const verification = await measureVerification(camera);
    const upload = hasUpdate(camera) ? await runImage(camera, camera.upload, measureUpload) : undefined;
    const pairing = hasPairing(camera) ? await runImage(camera, camera.pairing, measurePairing) : undefined;
    const channelsOnHost = hasChannels(host)
      ? await runImage(host, host.channels, measureChannel)
      : undefined;
    const startOfM55 = await measureStart(cortexM55);
    const figures: Figures = {
      "mps3-an547": {
        bootToAdvertising: startOfM55.instructions,
        ...(await chipFigures(cortexM55, startOfM55.instructions)),
        ramBytes: ramOf(third.board, third.image) + startOfM55.heap,
        imageBytes: storedBytes(readSections(third.image)),
      },
      "mps2-an500": {
        bootToAdvertising: start.instructions,
        ...(await chipFigures(camera, start.instructions)),
        verifyAtStart: start.verify,
        ...verification,
        ...operationFigures(onCamera),
        ...channelFigures(channels),
        ...discovery,
        ...scan,
        ...(bonds ? { resolveAddress: mean(bonds, "resolveAddress", RESOLUTIONS) } : {}),
        ...pairingFigures(pairing),
        ...(upload
          ? {
              uploadPerKB: mean(upload, "uploadPerKB", UPLOAD_KB, 1),
              uploadTurn: longestTurn(upload, ["uploadPerKB"]),
            }
          : {}),
        ramBytes: ramOf(product.board, product.image) + Math.max(start.heap, heapOf(onCamera)),
        ...fitFigures(fit),
        heapMaxBytes: product.board.heapMaxBytes,
        imageBytes: storedBytes(readSections(product.image)),
        imageBytesPeripheral: storedBytes(readSections(peripheral.image)),
      },
      host: {
        ...operationFigures(onHost),
        ...channelFigures(channelsOnHost),
        ...(await measureDiscovery(host)),
        ...(await measureScan(host)),
        ...(await measureThroughput(host)),
      },
    };
    return { value: figures };
  });
}

/** The peer's part in the application of the benchmark. */
export async function operations(peer: Peer, idleMs: number): Promise<void> {
  await peer.advertising();
  await peer.connect();
  await peer.settle();
  await peer.notificationsToOne();
  await peer.notificationCycles();
  await peer.writes();
  await peer.capturedWrites();
  await peer.writeCycles();
  await peer.idleness(idleMs);
  await peer.connectOthers();
  await peer.notificationsToAll();
  await peer.restarts();
}

/** From reset to advertising, with the example; the first start goes on until a phone has come and gone. */
async function measureStart(
  camera: BenchImages,
): Promise<{ instructions: number; verify: number; heap: number }> {
  const first = await runImage(camera, camera.example, connectOnce, { enough: 2 });
  const starts = [first];
  while (starts.length < STARTS) {
    starts.push(await runImage(camera, camera.example, (peer) => peer.advertising(), { enough: 1 }));
  }
  const instructions = starts.map((report) => firstNumber(report, /^advertising instructions (\d+)/));
  const sum = instructions.reduce((total, count) => total + count);
  const verify = firstNumber(first, /^verify .* start (\d+)/);
  return { instructions: Math.round(sum / STARTS), verify, heap: heapOf(first) };
}

/** What it takes to verify a large bundle, all at once and in steps. */
async function measureVerification(camera: BenchImages): Promise<BoardFigures> {
  const report = await runImage(camera, camera.large, (peer) => peer.advertising(), { enough: 1 });
  return {
    verifyBundle: firstNumber(report, /^verify bundle (\d+)/),
    verifyStep: firstNumber(report, /^verify .* step (\d+)/),
  };
}

/** What a controller costs that has to be brought up, at each wake. */
async function chipFigures(camera: BenchImages, bootToAdvertising: number): Promise<BoardFigures> {
  const { wake, wokenExample } = camera;
  if (!hasChip(camera) || wake === undefined || wokenExample === undefined) return {};
  const { instructions } = await measureColdStart(camera, wokenExample);
  return {
    coldStart: instructions,
    coldStartBeyondBoot: instructions - bootToAdvertising,
    coldStartMs: await virtualColdStartMs(camera.board),
    wakeCycle: await measureWakeCycle(camera, wake),
  };
}

async function connectOnce(peer: Peer): Promise<void> {
  await peer.advertising();
  const again = peer.advertising();
  await peer.connectFor(1500);
  await again;
}

/** By the clock, and so as fast as the computer is. */
async function measureThroughput(host: BenchImages): Promise<BoardFigures> {
  let seconds = 0;
  const script = async (peer: Peer) => {
    await peer.advertising();
    await peer.connect();
    await peer.notificationsToOne();
    seconds = await peer.notificationsAtOnce();
  };
  await runImage(host, host.application, script, { enough: 1, plain: true });
  const figures = { notificationsPerSecond: Math.round(REPETITIONS / seconds), rig: RIG };
  if (!hasChannels(host)) return figures;
  let slower = 0;
  const channelScript = async (peer: Peer) => {
    const { receiving, sending } = await peer.channel();
    slower = Math.max(receiving, sending);
  };
  await runImage(host, host.channels, channelScript, { plain: true });
  const withChannels = { ...figures, channelKBPerSecond: Math.round(CHANNEL_REPETITIONS / slower) };
  if (!hasUpdate(host)) return withChannels;
  let uploading = 0;
  const uploadScript = async (peer: Peer) => {
    uploading = await peer.upload();
  };
  await runImage(host, host.upload, uploadScript, { plain: true });
  return { ...withChannels, uploadKBPerSecond: Math.round(UPLOAD_KB / uploading) };
}

/** Whether the image has the feature that a channel needs. */
export const hasChannels = ({ board }: BenchImages): boolean => board.manifest.features.includes("channels");

/** Whether the image can bring a controller up. */
export const hasChip = ({ board }: BenchImages): boolean => board.manifest.features.includes("cyw43");

/** Whether the image has the feature that bonds need. */
const hasSecurity = ({ board }: BenchImages): boolean => board.manifest.features.includes("security");

/** Whether the image has the management server. */
export const hasUpdate = ({ board }: BenchImages): boolean => board.manifest.features.includes("update");

/** The client's part in the application that shows what an upload costs. */
export const measureUpload = async (peer: Peer): Promise<void> => {
  await peer.upload();
};

/** The peer's part in the application that shows what a channel costs. */
export const measureChannel = async (peer: Peer): Promise<void> => {
  await peer.channel();
};

/** Whether the image can pair. */
export const hasPairing = ({ board }: BenchImages): boolean => board.manifest.features.includes("security");

/** The central's part in the application that shows what a pairing costs. */
export const measurePairing = async (peer: Peer): Promise<void> => {
  await peer.pairings();
};

function pairingFigures(report: Report | undefined): BoardFigures {
  if (!report) return {};
  const counts = PAIRING_FIGURES.map((figure) => [figure, mean(report, figure, PAIRINGS)] as const);
  const reconnectEncrypted = mean(report, "reconnectEncrypted", RECONNECTIONS);
  // Up to the first start of advertising after them, which reports the memory: what comes back later is another figure.
  const end = report.lines.findIndex((line) => line.startsWith(PAIRING_FIGURES.at(-1)!));
  const pairings = { ...report, lines: report.lines.slice(0, end + 2) };
  return {
    ...Object.fromEntries(counts),
    reconnectEncrypted,
    longestTurn: longestTurn(report, [...PAIRING_FIGURES, "reconnectEncrypted"]),
    pairingHeapPeak: heapOf(pairings),
  };
}

function channelFigures(report: Report | undefined): BoardFigures {
  if (!report) return {};
  return {
    channelReceivePerKB: mean(report, "channelReceivePerKB", CHANNEL_REPETITIONS, 0),
    channelSendPerKB: mean(report, "channelSendPerKB", CHANNEL_REPETITIONS),
  };
}

/** Whether the image has the feature that discovers. */
export const isClient = ({ board }: BenchImages): boolean => board.manifest.features.includes("client");

/** The peer's part in the application that shows what discovery costs. */
export const discovered = (peer: Peer): Promise<number> => peer.discovered();

/** What it takes to discover a database of a usual size; nothing in an image that is no client. */
export async function measureDiscovery(images: BenchImages): Promise<BoardFigures> {
  if (!isClient(images)) return {};
  let roundTrips = 0;
  const report = await runImage(images, images.discovery, async (peer) => {
    roundTrips = await discovered(peer);
  });
  return {
    discovery8x40: mean(report, "discovery8x40", DISCOVERY_REPETITIONS),
    discovery8x40RoundTrips: roundTrips,
  };
}

/** Whether the image has the feature that scans. */
export const canScan = ({ board }: BenchImages): boolean => board.manifest.features.includes("scan");

/** The part of those who advertise in the application that shows what a scan costs. */
export const measureAdvertisers = (peer: Peer): Promise<void> => peer.advertisers();

/** What it takes to hear of many devices, and to keep as many of them in mind as a scan does; nothing without the feature. */
export async function measureScan(images: BenchImages): Promise<BoardFigures> {
  if (!canScan(images)) return {};
  const report = await runImage(images, images.scan, measureAdvertisers);
  const used = (name: string): number => firstNumber(report, new RegExp(`^heap ${name} (\\d+)`));
  return {
    scanReport: mean(report, "scanReport", ADVERTISERS),
    scanRamBytes: Math.max(used("scan"), used("scanResponses")) - used("beforeScan"),
  };
}

function operationFigures(report: Report): BoardFigures {
  return {
    notification: mean(report, "notification", REPETITIONS),
    notificationCycle: mean(report, "notificationCycle", REPETITIONS, 1),
    notificationTo3: mean(report, "notificationTo3", REPETITIONS),
    write: mean(report, "write", REPETITIONS),
    capturedWrite: mean(report, "capturedWrite", REPETITIONS),
    writeCycle: mean(report, "writeCycle", REPETITIONS, 1),
    stopStart: mean(report, "stopStart", RESTARTS),
    idleWakeups: idleWakeups(report),
  };
}

/**
 * Instructions of one operation. Of collections it has its share, except in figures of a path: what they took for each byte
 * that was allocated between the first and the last of them, times the bytes that the operation allocates.
 * @param windows how many there must be for the figure to mean what it says; 0 when they vary.
 */
function mean(report: Report, figure: Counted, operations: number, windows = operations): number {
  const line = new RegExp(`^${figure} windows (\\d+) instructions (\\d+) collections (\\d+)`);
  const found = report.lines.map((text) => line.exec(text)).find((match) => match !== null);
  if (!found || (windows > 0 && Number(found[1]) !== windows)) {
    throw new ToolError(`The probes saw ${found?.[1] ?? "no"} windows of ${figure}, not ${windows}`);
  }
  const instructions = report.callgrind.get(figure) ?? Number(found[2]);
  if (instructions === 0) throw new ToolError(`Nothing was counted for ${figure}`);
  if (PATHS.has(figure)) return Math.round(instructions / operations);
  const collections = report.callgrind.get(`collection:${figure}`) ?? Number(found[3]);
  const allocated = firstNumber(report, new RegExp(`^${figure} allocated (\\d+)`));
  const collected = firstNumber(report, new RegExp(`^${figure} allocated \\d+ collected (\\d+)`));
  if (collected === 0) throw new ToolError(`${figure} needs more repetitions: no garbage was collected`);
  return Math.round((instructions + (collections * allocated) / collected) / operations);
}

/** Bytes of the heap that a service, a characteristic, a link and a subscription take. */
function fitFigures(report: Report): BoardFigures {
  const used = (name: string): number => firstNumber(report, new RegExp(`^heap ${name} (\\d+)`));
  const services = used("services") - used("nothing");
  const characteristics = used("characteristics") - used("nothing") - services / FIT_COUNT;
  return {
    heapService: Math.round(services / FIT_COUNT),
    heapCharacteristic: Math.round(characteristics / FIT_COUNT),
    heapLink: used("link2") - used("link1"),
    heapSubscription: Math.round((used("subscriptions") - used("link2")) / FIT_COUNT),
  };
}

/**
 * The longest turn of the event loop there can be while one of these is measured: the longest without a collection, and as many
 * of the longest collection as one turn had, one at least. In which turn a collection falls is up to how full the heap is.
 */
function longestTurn(report: Report, figures: readonly Counted[]): number {
  return Math.max(
    ...figures.map((figure) => {
      const number = (name: string): number =>
        firstNumber(report, new RegExp(`^${figure} longest turn .*${name} (\\d+)`));
      return number("work") + Math.max(1, number("collections")) * number("collection");
    }),
  );
}

function idleWakeups(report: Report): number {
  const milliseconds = firstNumber(report, /^idle .* milliseconds (\d+)/);
  // The guest's clock and ours may differ by a little.
  if (milliseconds < IDLE_MS * 0.98) throw new ToolError(`The camera was idle for ${milliseconds} ms only`);
  return firstNumber(report, /^idle wakeups (\d+)/);
}

/** Most bytes ever in use of malloc's region, and of what JavaScript's heap may grow into. */
function heapOf(report: Report): number {
  const peaks = report.lines.flatMap((line) => {
    const found = /^memory .*heap (\d+) growth (\d+)/.exec(line);
    return found ? [Number(found[1]) + Number(found[2])] : [];
  });
  return Math.max(...peaks);
}

function firstNumber(report: Report, pattern: RegExp): number {
  for (const line of report.lines) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return Number(found);
  }
  throw new ToolError(`The probes did not say ${pattern}`, report.lines.join("\n"));
}

interface Memory {
  readonly use: string;
  readonly address: string;
  readonly size: number;
}

/** What the linker placed in the board's RAM, without the room that the heap may grow into. */
function ramOf(board: Board, image: string): number {
  const { memory } = JSON.parse(readFileSync(join(board.folder, "board.json"), "utf8")) as {
    memory: readonly Memory[];
  };
  const ram = memory.find(({ use }) => use === "ram");
  if (!ram) throw new ToolError(`${board.name}: board.json has no memory for "ram"`);
  const sections = readSections(image);
  const growth = sections.find(({ name }) => name === ".growth")?.size ?? 0;
  return usedOf({ start: Number(ram.address), size: ram.size }, sections) - growth;
}
