const fs = require("fs");
const path = require("path");
const { copy, entry, folder, input, lines, paths, tell, version } = require("./entry.js");

const key = input("key");
const usable = (name) => {
  const file = path.join(entry(name), "version");
  return fs.existsSync(file) && fs.readFileSync(file, "utf8") === version();
};
const age = (name) => fs.statSync(path.join(entry(name), "version")).mtimeMs;
const newest = (beginning) => fs.readdirSync(folder()).map(decodeURIComponent)
  .filter((name) => name.startsWith(beginning) && usable(name))
  .sort((a, b) => age(b) - age(a))[0];

const found = usable(key) ? key : lines("restore-keys").map(newest).find(Boolean);
tell("GITHUB_OUTPUT", "cache-primary-key", key);
tell("GITHUB_STATE", "FOUND", found || "");
if (found) {
  paths().forEach((target, index) => {
    const kept = path.join(entry(found), String(index));
    if (fs.existsSync(kept)) copy(kept, target);
  });
  tell("GITHUB_OUTPUT", "cache-hit", found === key);
  tell("GITHUB_OUTPUT", "cache-matched-key", found);
  console.log(`cache restored from key: ${found}`);
} else {
  tell("GITHUB_OUTPUT", "cache-hit", "");
  console.log(`no cache found for key: ${key}`);
  if (input("fail-on-cache-miss") === "true") process.exit(1);
}
