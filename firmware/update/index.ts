/**
 * The module `update`, as an application imports it: what a new version of it may say of its own health. These are
 * declarations only: the functions are bound to the camera that the application runs on, by `createUpdate`.
 */

/** Whether this version is on trial: unless it is confirmed in time, the camera goes back to the one before. */
export declare function isTrial(): boolean;

/**
 * Confirms this version: it is healthy, and stays. Call it once what the application is for has worked. Without a trial
 * nothing happens.
 * @throws UpdateError `flash-failed` when that cannot be written
 */
export declare function confirm(): void;
