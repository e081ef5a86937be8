/**
 * The module `camera`, as an application imports it. These are declarations only: the functions are bound to the
 * camera that the application runs on, by `createCamera`.
 */

/**
 * The temperature at the camera's sensor.
 * @returns degrees Celsius
 * @throws Error when this board has no temperature sensor, or it gives no reading
 */
export declare function readTemperature(): number;

/**
 * The relative humidity at the camera's sensor.
 * @returns percent, 0 to 100
 * @throws Error when this board has no humidity sensor, or it gives no reading
 */
export declare function readHumidity(): number;
