// Node's own fs.watch. It says "rename" of what comes and of what goes, so whoever reads has to look.
const [dir] = process.argv.slice(2);
const watcher = require("fs").watch(dir, { recursive: true }, (event, path) => console.log(`${event}\t${path}`));
watcher.on("error", (error) => console.log(`error\t${error}`));
console.log("READY");
