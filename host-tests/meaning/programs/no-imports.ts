console.log("no import and no export");
await new Promise((resolve) => setTimeout(resolve, 1));
console.log("top-level await");
