/**
 * The tour of updates: version 1 runs, version 2 is deployed over the air and stays, version 3 fails its health check and the
 * camera goes back. scenario.ts plays it.
 */
import { serve } from "./sensor.ts";

await serve("1");
