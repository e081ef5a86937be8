/** The slots for signed applications, on the natives. */
import type { UpdateLines } from "../platform.ts";
import { createBackgroundFlash } from "./background-flash.ts";
import type { Native } from "./native.ts";

export const createUpdateLines = (native: Native): UpdateLines => ({
  state: native.updateState,
  flash: () => createBackgroundFlash(native)("update"),
  image: native.updateImage,
  touch: native.updateTouch,
  verifyBegin: native.updateVerifyBegin,
  verifyStep: native.updateVerifyStep,
  verified: native.updateVerified,
  mark: native.updateMark,
  unmark: native.updateUnmark,
  confirm: native.updateConfirm,
  reached: native.updateReached,
  paired: native.updatePaired,
  reset: native.reset,
  rtcNow: native.powerRtcNow,
  sleep: native.powerDeepSleep,
});
