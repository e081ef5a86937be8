/** Makes a promise that rejects without anybody listening fail the test that runs: Mocha alone lets it pass. */
process.on("unhandledRejection", (reason) => {
  throw reason;
});
