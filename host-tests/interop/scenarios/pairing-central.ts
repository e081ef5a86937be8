/** The camera as a central pairs with Bumble, by every method of both protocols, over a controller that compares the keys. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { thorough } from "../../support/thorough.ts";
import { CASES, SECRET_TEXT } from "../applications/pairer/names.ts";
import type { CameraKind } from "../cameras.ts";
import { useRig } from "../use-rig.ts";

/** What all cases may take, in QEMU on a busy computer. */
const ALL_MS = 400_000;

const FORGOTTEN =
  "forgotten there: pairing-failed 5 controller, bonds 1, what is open: pairing-failed 5 controller";

function protection(isAuthenticated: boolean, isSecure: boolean): string {
  return `"encrypted":true,"authenticated":${isAuthenticated},"bonded":true,"keySize":16,"secureConnections":${isSecure}`;
}

export function pairingCentral(kind: CameraKind): void {
  // On the emulated board it takes minutes, and the same code runs there with Bumble as the central.
  const suite = kind.name === "host" ? { describe } : thorough;
  suite.describe("pairing with Bumble, as a central", () => {
    const rig = useRig(kind, "pairer", { keepCentrals: true });
    let said: string[] = [];
    const line = (beginning: string): string => said.find((each) => each.startsWith(beginning)) ?? "";

    it("comes to its end", async () => {
      await rig().bumblePairingPeripheral();
      const { camera } = rig();
      await camera.line(/pairer: (done|failed)/, ALL_MS);
      said = camera.console.flatMap((each) => /pairer: (.*)/.exec(each)?.[1] ?? []);
      assert.equal(said.at(-1), "done", said.join("\n"));
    });

    for (const { method, protocol } of CASES) {
      const name = `${method} ${protocol}`;
      it(`${name}: what is protected is read, and again over the bond`, () => {
        const isSecure = protocol === "secure";
        const isAuthenticated = method === "outOfBand" || (isSecure && method !== "nothing");
        const expected = `${SECRET_TEXT} {${protection(isAuthenticated, isSecure)}}`;
        assert.equal(line(`${name}: `), `${name}: ${expected}`);
        assert.equal(line(`${name}, again: `), `${name}, again: ${expected}`);
      });
    }

    it("a bond that Bumble has forgotten is no use, and stays until the application deletes it", () => {
      // Controllers report PIN or Key Missing (0x06), which is bond-lost; this one says Authentication Failure.
      assert.equal(line("forgotten there: "), FORGOTTEN);
      assert.equal(line("paired anew: "), `paired anew: ${SECRET_TEXT} {${protection(false, true)}}`);
    });

    it("a bond that the camera has forgotten: it pairs anew", () => {
      assert.match(line("forgotten here, paired anew: "), new RegExp(SECRET_TEXT));
    });
  });
}
