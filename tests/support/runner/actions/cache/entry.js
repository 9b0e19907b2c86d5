const crypto = require("crypto");
const fs = require("fs");
const path = require("path");

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] || "").trim();
const lines = (name) => input(name).split("\n").map((line) => line.trim()).filter(Boolean);

exports.input = input;
exports.lines = lines;
exports.folder = () => {
  if (!process.env.HARNESS_CACHE) throw new Error("the harness names no cache folder");
  fs.mkdirSync(process.env.HARNESS_CACHE, { recursive: true });
  return process.env.HARNESS_CACHE;
};
exports.entry = (key) => path.join(exports.folder(), encodeURIComponent(key));
// Entries saved for other paths are not found, as on the real service.
exports.version = () => crypto.createHash("sha256").update(lines("path").join("\n")).digest("hex");
// act starts node past the wrapper that gives a job its home, so that is named again here.
const home = () => path.join(path.dirname(process.env.RUNNER_TEMP), "home");
exports.paths = () => lines("path").map((line) => path.resolve(
  process.env.GITHUB_WORKSPACE, line.replace(/^~(?=\/|$)/, home())));
exports.tell = (file, name, value) => fs.appendFileSync(process.env[file], `${name}=${value}\n`);
exports.copy = (from, to) => fs.cpSync(from, to, {
  recursive: true, force: true, preserveTimestamps: true, verbatimSymlinks: true });
