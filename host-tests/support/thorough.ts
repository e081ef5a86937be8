/**
 * `describe` and `it` for what a usual `npm test` leaves out, because it takes long and rarely finds what the rest does
 * not: `npm test -- --all` runs it, and so does every run of single files. The end of a run names what was left out.
 */
import { describe, it } from "mocha";

const isBrief = process.env.OBSCURA_TEST_BRIEF !== undefined;

export const thorough = {
  describe: isBrief ? describe.skip : describe,
  it: isBrief ? it.skip : it,
} as const;
