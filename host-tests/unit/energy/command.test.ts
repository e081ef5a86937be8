/** `obscura energy` as it is called: its text, its JSON and its page, of two settings side by side. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { after, before, describe, it } from "mocha";
import { addEnergy } from "../../../tools/cli/commands/energy.ts";
import { jsonRenderer, textRenderer } from "../../../tools/cli/render.ts";
import type { EnergyReport } from "../../../tools/energy/deployment.ts";
import type { ToolEvent } from "../../../tools/events.ts";

const picture = join(import.meta.dirname, "picture.ts");
/** Two starts of the picture's application, 15 minutes apart, and a little. */
const DAYS = 0.011;

/** Runs the command in this process; returns what it shows to a person, and with `--json`. */
async function energy(...args: string[]): Promise<{ readonly text: string; readonly json: string }> {
  const { signal: abort } = new AbortController();
  const text: string[] = [];
  const json: string[] = [];
  const renderers = [
    textRenderer({ write: (more) => text.push(more) }, abort),
    jsonRenderer({ write: (more) => json.push(more) }),
  ];
  const program = new Command();
  addEnergy({
    abort,
    command: (name, description) => program.command(name).description(description),
    foreignCommand: () => assert.fail("energy is no foreign command"),
    rendererFor: (options) => {
      assert.equal(options.json, true);
      return (event) => {
        for (const render of renderers) render(event);
      };
    },
    end: () => undefined,
  });
  await program.parseAsync(["energy", picture, "--days", `${DAYS}`, "--json", ...args], { from: "user" });
  return { text: text.join(""), json: json.join("") };
}

/** What `<rect>`s of the page's first timeline stand for: `cpu run`, and how long each is. */
function bars(page: string): { readonly what: string; readonly ms: number }[] {
  const timeline = /<svg [\s\S]*?<\/svg>/.exec(page)![0];
  return [...timeline.matchAll(/<title>(\w+ \w+): ([\d.]+) ms<\/title>/g)].map(([, what, ms]) => ({
    what: what!,
    ms: Number(ms),
  }));
}

describe("obscura energy", function () {
  this.timeout(120_000);
  let folder = "";
  let text = "";
  let json = "";
  let page = "";

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "obscura-energy-"));
    const settings = ["--setting", "sequential-start", "clocks-on", "--against"];
    const html = join(folder, "page.html");
    ({ text, json } = await energy("--profile", "openmv-ae3", ...settings, "--html", html));
    page = readFileSync(html, "utf8");
  });

  after(() => rmSync(folder, { recursive: true }));

  it("shows two sides as a table, and what they differ by", () => {
    assert.match(text, /^setting +radio's start in sequence, clocks always on +radio's start at the wake$/m);
    assert.match(text, /^starts +2 +2$/m);
    assert.match(text, /^awake per wake +1\d{3} ms +1\d{3} ms$/m);
    assert.match(text, /^charge per day +[\d.]+ mAh +[\d.]+ mAh$/m);
    assert.match(text, /^battery life +[\d.]+ (months|days) +[\d.]+ (months|days)$/m);
    const consumers = /^largest consumers.*\n.*\n.*$/m.exec(text)![0];
    assert.equal(consumers.match(/\d %/g)?.length, 6, consumers);
    assert.match(
      text,
      /less charge awake, [\d.]+ % less with its sleep\. For each start:\n {2}-[\d.]+ mC {2}/,
    );
    assert.match(text, /Page: .*page\.html/);
  });

  it("--html: a page with the timeline of a wake, and where the charge goes", () => {
    assert.equal(page.match(/<svg /g)?.length, 2);
    const shown = bars(page);
    const longest = (what: string): number =>
      Math.max(...shown.filter((bar) => bar.what === what).map(({ ms }) => ms));
    // The boot; the picture with its clocks on; half a second on the air, the controller asleep between its events.
    assert.ok(longest("cpu run") >= 50, JSON.stringify(shown));
    assert.ok(longest("cpu idle") >= 400, JSON.stringify(shown));
    assert.ok(longest("cpu deepSleep") > 0, JSON.stringify(shown));
    assert.ok(longest("radio awake") > 300 && longest("radio asleep") > 0, JSON.stringify(shown));
    const [breakdown] = /<table class="b">[\s\S]*?<\/table>/.exec(page)!;
    const shares = [...breakdown.matchAll(/([\d.]+) %<\/td>/g)].map(([, share]) => Number(share));
    assert.ok(shares.length >= 6, breakdown);
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100) < 0.1, breakdown);
    for (const name of ["processor: waiting", "processor: computing", "deep sleep", "radio: advertising"])
      assert.ok(breakdown.includes(`<td>${name}</td>`), name);
  });

  it("--json: all of each report in one line", () => {
    const events = json
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ToolEvent);
    const found = events.flatMap((event) => (event.type === "energy" ? [event.reports] : []));
    assert.equal(found.length, 1);
    const reports: readonly EnergyReport[] = found[0]!;
    assert.equal(reports.length, 2);
    for (const report of reports) {
      assert.equal(report.profile, "openmv-ae3");
      assert.equal(report.days, DAYS);
      assert.equal(report.starts, 2);
      const sum = Object.values(report.millicoulombs).reduce((total, charge) => total + charge, 0);
      assert.ok(Math.abs(sum / report.starts - report.millicoulombsPerStart) < 1e-9);
      assert.ok(Math.abs(sum / 3600 / report.days - report.milliampHoursPerDay) < 1e-9);
      const times = Object.values(report.milliseconds).reduce((total, ms) => total + ms, 0);
      assert.ok(Math.abs(times - DAYS * 86_400_000) < 1, `${times} ms`);
      assert.ok(report.timeline.length > 10 && report.estimates.includes("bootMs"));
    }
    assert.ok(reports[1]!.awakeMsPerWake < reports[0]!.awakeMsPerWake);
  });
});
