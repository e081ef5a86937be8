/** Does what it should. */
import { serve } from "./sensor.ts";

await serve("2");
