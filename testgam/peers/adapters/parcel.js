// @parcel/watcher. Left to itself it would ask watchman, where that is installed.
const [dir] = process.argv.slice(2);
const tell = (error, events) => {
  if (error) console.log(`error\t${error}`);
  for (const { type, path } of events ?? []) console.log(`${type}\t${path}`);
};
require("@parcel/watcher").subscribe(dir, tell, { backend: "inotify" }).then(() => console.log("READY"));
