/** Energy reports as text and as a page. */
import type { EnergyReport } from "./deployment.ts";

const CONSUMERS_SHOWN = 3;

const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: false });
const number = (value: number): string => numbers.format(value);

/** `13 months`, `5.2 days`. */
export function lifeText(days: number): string {
  if (days >= 60) return `${number(Math.round((days / 30.44) * 10) / 10)} months`;
  if (days >= 2) return `${number(Math.round(days * 10) / 10)} days`;
  return `${number(Math.round(days * 240) / 10)} hours`;
}

const sumOf = (report: EnergyReport): number =>
  Object.values(report.millicoulombs).reduce((total, each) => total + each, 0);

/** Rows of the table: a title, and what each report says. */
function rows(reports: readonly EnergyReport[]): [string, ...string[]][] {
  const row = (title: string, of: (report: EnergyReport) => string): [string, ...string[]] => [
    title,
    ...reports.map(of),
  ];
  const largest = Array.from({ length: CONSUMERS_SHOWN }, (_, at) =>
    row(at === 0 ? "largest consumers" : "", (report) => {
      const [name, charge] = Object.entries(report.millicoulombs)[at] ?? [];
      return name === undefined ? "" : `${name} ${number((charge! / sumOf(report)) * 100)} %`;
    }),
  );
  return [
    row("application", ({ application }) => application),
    row("board", ({ profile }) => profile),
    row("setting", ({ settings }) => settings),
    row("starts", ({ starts }) => String(starts)),
    row("awake per wake", ({ awakeMsPerWake, wakes }) =>
      wakes > 0 ? `${number(awakeMsPerWake)} ms` : "no wake",
    ),
    row("charge per start", ({ millicoulombsPerStart }) => `${number(millicoulombsPerStart)} mC`),
    row("of it awake", ({ awakeMillicoulombsPerStart }) => `${number(awakeMillicoulombsPerStart)} mC`),
    row("charge per day", ({ milliampHoursPerDay }) => `${number(milliampHoursPerDay)} mAh`),
    row("battery life", ({ batteryDays }) => lifeText(batteryDays)),
    ...largest,
  ];
}

/** Where the second differs from the first, the greatest difference first. */
function differences([first, second]: readonly EnergyReport[]): string[] {
  if (!first || !second) return [];
  const change = (of: (report: EnergyReport) => number, what: string): string => {
    const percent = (1 - of(second) / of(first)) * 100;
    return `${number(Math.abs(percent))} % ${percent >= 0 ? "less" : "more"}${what}`;
  };
  // Charge for each start says nothing where one starts more often.
  const areAlike = first.starts === second.starts && first.days === second.days;
  const share = ({ starts, days }: EnergyReport): number => (areAlike ? starts : days);
  const names = new Set([...Object.keys(first.millicoulombs), ...Object.keys(second.millicoulombs)]);
  const each = [...names].map((name) => {
    const of = (report: EnergyReport): number => (report.millicoulombs[name] ?? 0) / share(report);
    return { name, change: of(second) - of(first) };
  });
  each.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  const awake = change((report) => report.awakeMillicoulombsPerStart, " charge awake");
  const whole = change((report) => report.millicoulombsPerStart, "");
  const daily = change((report) => sumOf(report) / report.days, " charge a day");
  const wakes = change((report) => report.awakeMsPerWake, "");
  return [
    "",
    areAlike
      ? `The second takes ${awake}, ${whole} with its sleep. For each start:`
      : `The second takes ${daily}, with ${counted(second.starts, "start")} against ${first.starts}. For each day:`,
    ...each
      .filter(({ change }) => Math.abs(change) >= 0.001)
      .map(({ name, change }) => `  ${change > 0 ? "+" : "-"}${number(Math.abs(change))} mC  ${name}`),
    ...(!areAlike && first.wakes > 0 && second.wakes > 0 ? [`For each wake it is awake ${wakes} time.`] : []),
  ];
}

const counted = (count: number, what: string): string => `${number(count)} ${what}${count === 1 ? "" : "s"}`;

/** What cannot be said of a deployment that was too short. */
function tooShort({ application, days, milliseconds, wakes }: EnergyReport): string[] {
  if (wakes > 0 || !(milliseconds.deepSleep! > 0)) return [];
  return [
    `${application} slept and did not wake within ${counted(days, "day")}: give more --days for figures of its wakes.`,
  ];
}

/** For a person. */
export function energyText(reports: readonly EnergyReport[]): string[] {
  const table = rows(reports);
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  const estimates = [...new Set(reports.flatMap((report) => report.estimates))];
  return [
    ...lines,
    ...differences(reports),
    ...reports.flatMap(tooShort),
    "",
    `A model: states and counts are simulated, currents are the profile's. Estimates that nobody has published: ${estimates.join(", ")}.`,
  ];
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const COLOURS: Readonly<Record<string, string>> = {
  run: "#c0392b",
  idle: "#e59866",
  lightSleep: "#f9e79f",
  deepSleep: "#d5d8dc",
  off: "#d5d8dc",
  awake: "#2471a3",
  asleep: "#a9cce3",
};

const WIDTH = 960;
const LANE_PX = 26;

/** The first start with its sleep is mostly sleep: the timeline shows it up to a moment behind its end. */
function timeline({ timeline: segments }: EnergyReport): string {
  const sleep = segments.find(({ state, fromMs, toMs }) => state === "deepSleep" && toMs > fromMs);
  const second = segments.filter(({ fromMs }) => sleep && fromMs >= sleep.toMs);
  const shown = second.length > 0 ? second : segments;
  const startMs = shown[0]?.fromMs ?? 0;
  const next = shown.find(({ state }) => state === "deepSleep");
  const endMs = next
    ? next.fromMs + Math.min(300, next.toMs - next.fromMs)
    : (shown.at(-1)?.toMs ?? startMs + 1);
  const scale = WIDTH / Math.max(1, endMs - startMs);
  const bars = shown
    .filter(({ fromMs }) => fromMs < endMs)
    .map(({ lane, state, fromMs, toMs }) => {
      const x = (fromMs - startMs) * scale;
      const width = Math.max(0.5, (Math.min(toMs, endMs) - fromMs) * scale);
      const y = lane === "cpu" ? 0 : LANE_PX + 6;
      const title = `${lane} ${state}: ${number(toMs - fromMs)} ms`;
      return `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${LANE_PX}" fill="${COLOURS[state] ?? "#000"}"><title>${escaped(title)}</title></rect>`;
    });
  return `<p>One wake, ${number(endMs - startMs)} ms: processor above, radio below.</p>
<svg viewBox="0 0 ${WIDTH} ${2 * LANE_PX + 6}" width="100%" role="img">${bars.join("")}</svg>`;
}

function breakdown(report: EnergyReport): string {
  const sum = sumOf(report);
  const bars = Object.entries(report.millicoulombs).map(([name, charge]) => {
    const percent = (charge / sum) * 100;
    return `<tr><td>${escaped(name)}</td><td class="n">${number(charge / report.starts)} mC</td><td class="n">${number(percent)} %</td><td class="bar"><div style="width:${percent.toFixed(1)}%"></div></td></tr>`;
  });
  return `<table class="b"><tr><th>consumer</th><th>per start</th><th>share</th><th></th></tr>${bars.join("")}</table>`;
}

/** What every page begins with. */
export const PAGE_BEGINNING = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Energy</title>`;

/** A page that needs nothing but itself. */
export function energyPage(reports: readonly EnergyReport[]): string {
  const legend = Object.entries(COLOURS)
    .map(([state, colour]) => `<span><i style="background:${colour}"></i>${state}</span>`)
    .join(" ");
  const [head, ...body] = rows(reports);
  const table = [
    `<tr>${head!.map((cell) => `<th>${escaped(cell)}</th>`).join("")}</tr>`,
    ...body.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`),
  ];
  const sections = reports.map(
    (
      report,
    ) => `<h2>${escaped(report.application)} on ${escaped(report.title)}, ${escaped(report.settings)}</h2>
${timeline(report)}
${breakdown(report)}`,
  );
  return `${PAGE_BEGINNING}
<style>body{font:15px/1.4 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:1em 0}td,th{text-align:left;padding:2px 12px 2px 0}.n{text-align:right}.b .bar{width:400px}.bar div{background:#2471a3;height:12px}i{display:inline-block;width:12px;height:12px;margin-right:4px}span{margin-right:12px}</style>
<h1>Energy</h1>
<table>${table.join("\n")}</table>
<p>${legend}</p>
${sections.join("\n")}
<pre>${escaped(differences(reports).join("\n"))}</pre>
<p>A model: states and counts are simulated, currents are the profile's, many of them estimates (docs/energy.md).</p>
</html>
`;
}
