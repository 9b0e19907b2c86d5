const fs = require("fs");
const path = require("path");
const { copy, entry, folder, input, paths, version } = require("./entry.js");

const key = input("key");
const present = paths().map((source, index) => [source, index])
  .filter(([source]) => fs.existsSync(source));
if (process.env.STATE_FOUND === key) {
  console.log(`cache is up to date for key: ${key}`);
} else if (present.length === 0) {
  console.log("::warning::nothing to cache: none of the paths exists");
} else {
  // Written aside and renamed, so that two jobs with one key never share half an entry.
  const aside = path.join(folder(), `.${process.pid}`);
  present.forEach(([source, index]) => copy(source, path.join(aside, String(index))));
  fs.writeFileSync(path.join(aside, "version"), version());
  fs.rmSync(entry(key), { recursive: true, force: true });
  fs.renameSync(aside, entry(key));
  console.log(`cache saved with key: ${key}`);
}
