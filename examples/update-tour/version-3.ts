/** Was built for a sensor that this camera does not have: its health check says so, and the camera goes back. */
import { readTemperature } from "camera";
import { serve } from "./sensor.ts";

/** What this version's sensor reads in the dark of its calibration box; another one reads the room. */
const CALIBRATION_C = -40;

const celsius = readTemperature();
if (Math.abs(celsius - CALIBRATION_C) > 1)
  throw new Error(`health check: the sensor reads ${celsius.toFixed(1)} °C, not ${CALIBRATION_C}`);
await serve("3");
