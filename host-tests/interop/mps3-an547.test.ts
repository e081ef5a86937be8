/**
 * The Cortex-M55 as its peers see it: what a usual run has of the suite on this board, against a central and a controller that
 * none of us wrote. INTEROP_CAMERAS=mps3-an547 has interop.test.ts run all of it.
 */
import { describe } from "mocha";
import { boardCamera } from "./cameras.ts";
import { environment } from "./scenarios/environment.ts";
import { finding } from "./scenarios/finding.ts";
import { writing } from "./scenarios/writing.ts";

describe("interop: mps3-an547", function () {
  this.timeout(600_000);
  const kind = boardCamera("mps3-an547");
  finding(kind);
  environment(kind);
  writing(kind);
});
