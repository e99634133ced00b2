// chokidar, in its defaults, of which only the first listing is left out.
const [dir] = process.argv.slice(2);
const watcher = require("chokidar").watch(dir, { ignoreInitial: true });
watcher.on("all", (event, path) => console.log(`${event}\t${path}`));
watcher.on("error", (error) => console.log(`error\t${error}`));
watcher.on("ready", () => console.log("READY"));
