/** `npm run soak`: comes with the simulator. */
export async function run(): Promise<number> {
  process.stderr.write("soak: needs the simulator, which does not exist yet\n");
  return 2;
}
