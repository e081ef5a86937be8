/** What `coldStart` counts: the example whose start from reset is `bootToAdvertising`, in a camera that has slept. */
import "./first-sleep.ts";
import "../../examples/environment-sensor/main.ts";
