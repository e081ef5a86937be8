/** `npm run bench`: comes with the simulator. */
export async function run(): Promise<number> {
  process.stderr.write("bench: needs the simulator, which does not exist yet\n");
  return 2;
}
