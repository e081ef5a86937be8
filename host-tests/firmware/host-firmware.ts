/** Small firmwares on the host board, plainly and with sanitizers. */
import assert from "node:assert/strict";
import { after, before, describe } from "mocha";
import { Bench, type Run, run } from "./image.ts";

/** A firmware whose main has `log` and ends with `body`. */
export const firmware = (body: string): string =>
  `export default function main(native) {
     const log = (text) => native.consoleWrite("info", String(text));
     const attempt = (f) => { try { return f(); } catch (error) { return String(error); } };
     ${body}
   }`;

/** What the console says as information. */
export const infos = ({ lines }: Run): string[] =>
  lines.filter((line) => line.startsWith("info: ")).map((line) => line.slice(6));

/** What the tests of one kind of image have. */
export interface Scene {
  readonly sanitize: boolean;
  readonly bench: Bench;
  /** Builds the image of a firmware with this body. */
  build(body: string): Promise<string>;
  /** Runs a firmware that ends by native.exit(0) and returns what it logged. */
  log(body: string, ...args: string[]): Promise<string[]>;
}

/** Declares the tests for both kinds of image. `scene.bench` is there once they run. */
export function describeOnHost(declare: (scene: Scene) => void): void {
  for (const sanitize of [false, true]) {
    describe(`native side on the host board${sanitize ? ", with sanitizers" : ""}`, function () {
      this.timeout(600_000);
      let bench: Bench;
      let images = 0;

      before(async () => {
        bench = await Bench.open({ sanitize });
      });

      after(() => bench.dispose());

      const build = (body: string): Promise<string> => bench.image(`firmware-${images++}`, firmware(body));

      declare({
        sanitize,
        get bench() {
          return bench;
        },
        build,
        async log(body, ...args) {
          const result = await run(await build(body), args);
          assert.equal(result.status, 0, result.lines.join("\n"));
          return infos(result);
        },
      });
    });
  }
}
