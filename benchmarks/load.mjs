// Load for bench_serving.py: node load.mjs URL CONNECTIONS SECONDS RATE
// Without a rate (0) autocannon sends as fast as answers come. Its own rate limit sends each second's
// requests in one burst, so requests at a rate leave here: at random times, as independent callers
// do, over that many connections. Their time begins before they wait for a free connection. The
// generator sleeps between them: one that spins would take a core from the service.
import autocannon from "autocannon";
import http from "node:http";
import { readFileSync } from "node:fs";

const [url, connections, seconds, rate] = process.argv.slice(2);
const bodies = readFileSync("bodies.jsonl", "utf8").trim().split("\n");
const asked = { method: "POST", path: "/predict", headers: { "content-type": "application/json" } };
const times = [];
let failed = 0;

async function flatOut() {
  const run = autocannon({
    url, connections: Number(connections), duration: Number(seconds),
    requests: bodies.map((body) => ({ ...asked, body })),
  });
  run.on("response", (_client, status, _bytes, milliseconds) => {
    if (status === 200) times.push(milliseconds);
    else failed += 1;
  });
  const result = await run;
  failed += result.errors + result.timeouts;
  return result.duration;
}

async function atRate() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Number(connections) });
  const { hostname, port } = new URL(url);
  const began = performance.now(), ends = began + 1000 * seconds, open = [];
  const send = (body) => new Promise((resolve) => {
    const sent = performance.now();
    const request = http.request({ ...asked, hostname, port, agent }, (answer) => {
      answer.resume().on("end", () => {
        if (answer.statusCode === 200) times.push(performance.now() - sent);
        else failed += 1;
        resolve();
      });
    });
    request.on("error", () => { failed += 1; resolve(); });
    request.end(body);
  });
  for (let due = began; due < ends; due -= 1000 / rate * Math.log(1 - Math.random())) {
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    open.push(send(bodies[open.length % bodies.length]));
  }
  await Promise.all(open);
  agent.destroy();
  return (performance.now() - began) / 1000;
}

const duration = await (Number(rate) ? atRate() : flatOut());
times.sort((one, other) => one - other);
const at = (share) => times[Math.min(Math.floor(share * times.length), times.length - 1)];
console.log(JSON.stringify({
  rate: times.length / duration, p50: at(0.5), p95: at(0.95), p99: at(0.99), failed,
}));
