/** Made by the bundler: imports every test file of the `tests` bundle. */
declare module "scenarios";
