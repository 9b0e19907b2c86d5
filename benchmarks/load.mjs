// Load for bench_serving.py, by autocannon: node load.mjs URL CONNECTIONS SECONDS RATE (0: no limit)
import autocannon from "autocannon";
import { readFileSync } from "node:fs";

const [url, connections, seconds, rate] = process.argv.slice(2);
const requests = readFileSync("bodies.jsonl", "utf8").trim().split("\n").map((body) => ({
  method: "POST", path: "/predict", headers: { "content-type": "application/json" }, body,
}));
const times = [];
let failed = 0;
const run = autocannon({
  url, requests, connections: Number(connections), duration: Number(seconds),
  ...(Number(rate) ? { overallRate: Number(rate) } : {}),
});
run.on("response", (_client, status, _bytes, milliseconds) => {
  if (status === 200) times.push(milliseconds);
  else failed += 1;
});
const result = await run;
times.sort((one, other) => one - other);
const at = (share) => times[Math.min(Math.floor(share * times.length), times.length - 1)];
console.log(JSON.stringify({
  rate: times.length / result.duration, p50: at(0.5), p95: at(0.95), p99: at(0.99),
  failed: failed + result.errors + result.timeouts,
}));
