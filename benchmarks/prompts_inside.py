"""What `bench_prompts.py` runs inside a baked project: a server here, its client in a process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from llm_kit import Endpoint, completion, serving
from nlp.prompted import PromptClassifier

from nlp_gitops.core.project import LlmSettings
from nlp_gitops.llm import Session
from nlp_gitops.prompts import current

DELAY = 0.05
ANSWER = '{"label": "neutral"}'


def rows(name: str) -> tuple[list[str], list[str]]:
    """Return the texts and labels of a split."""
    found = [json.loads(line) for line in open(f"data/{name}.jsonl", encoding="utf-8")]
    return [row["text"] for row in found], [row["label"] for row in found]


def client(workers: int, number: int, folder: str) -> float:
    """Return the seconds that our client takes for so many rows; answers are recorded."""
    model = PromptClassifier(current(Path("prompts"), "classify_sentiment"), provider="openai",
                             model="tiny")
    model.session = Session(LlmSettings(concurrency=workers), cache=Path(folder), is_strict=True)
    texts = rows("test")[0]
    # The package is imported with the first request.
    model.predict(["warm up"])
    begin = time.perf_counter()
    model.predict(texts[:number])
    return time.perf_counter() - begin


def bare(number: int) -> float:
    """Return the seconds of bare calls of `openai`, one after the other."""
    import openai

    chat, prompt = openai.OpenAI(), current(Path("prompts"), "classify_sentiment")
    texts = ["warm up", *rows("test")[0][:number]]
    for index, text in enumerate(texts):
        chat.chat.completions.create(model="tiny", temperature=0, max_tokens=20, messages=[
            {"role": "user", "content": f"{prompt.body}\n{text}"}])
        if index == 0:
            begin = time.perf_counter()
    return time.perf_counter() - begin


def elsewhere(url: str, *words: object) -> "subprocess.Popen[str]":
    """Start this file as a client in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, *map(str, words)], text=True,
                            stdout=subprocess.PIPE, env={**os.environ, "OPENAI_BASE_URL": url})


def seconds(url: str, *words: object) -> float:
    """Return what a client measured."""
    return float(elsewhere(url, *words).communicate()[0])


def speed(folder: str) -> None:
    """Print rows a second: the stand-in, records, and a server by number of workers."""
    model = PromptClassifier(current(Path("prompts"), "classify_sentiment"))
    model.train(*rows("train"))
    texts = rows("test")[0]
    begin = time.perf_counter()
    model.predict(texts)
    took = time.perf_counter() - begin
    print("| answers from | workers | rows/s | at most |\n|---|---:|---:|---:|")
    print(f"| the stand-in | 1 | {len(texts) / took:,.0f} | |", flush=True)

    def slow(*_: object) -> tuple[int, dict[str, str], bytes]:
        time.sleep(DELAY)
        return completion(ANSWER)

    with serving(Endpoint(slow)) as url:
        for workers in (1, 4, 8, 16):
            number = 100 if workers == 1 else len(texts)
            took = seconds(url, "client", workers, number, f"{folder}/{workers}")
            print(f"| a server that takes {1000 * DELAY:.0f} ms | {workers} | {number / took:,.1f} "
                  f"| {workers / DELAY:,.0f} |", flush=True)
        took = seconds(url, "client", 8, len(texts), f"{folder}/8")
        print(f"| records | 8 | {len(texts) / took:,.0f} | |")


def overhead(folder: str) -> None:
    """Print what a request takes by our client and by a bare call, in turns."""
    with serving(Endpoint(lambda *_: completion(ANSWER))) as url:
        ours, theirs = [], []
        for number in range(5):
            ours.append(seconds(url, "client", 1, 300, f"{folder}/o{number}") / 300)
            theirs.append(seconds(url, "bare", 300) / 300)
    mine, other = (1000 * sorted(times)[2] for times in (ours, theirs))
    print("\n| a request to a server that answers at once, median of 5 | ms |\n|---|---:|")
    print(f"| bare `openai` | {other:.2f} |\n| our client: rendered, masked, limited, checked, "
          f"recorded | {mine:.2f} |", flush=True)


def resume(folder: str) -> None:
    """Print what a kill in the middle costs: requests for a text that was asked before."""
    def slow(*_: object) -> tuple[int, dict[str, str], bytes]:
        time.sleep(DELAY)
        return completion(ANSWER)

    endpoint = Endpoint(slow)
    with serving(endpoint) as url:
        killed = elsewhere(url, "client", 8, 603, f"{folder}/killed")
        while len(endpoint.bodies) < 300:
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        time.sleep(2 * DELAY)
        before, records = len(endpoint.bodies), sum(
            1 for path in Path(folder, "killed").rglob("*.jsonl") for _ in open(path))
        seconds(url, "client", 8, 603, f"{folder}/killed")
    again = sum(number - 1 for number in endpoint.seen.values())
    print("\n| killed after | recorded by then | asked after that | asked twice (on their way when "
          f"killed, of 8) |\n|---:|---:|---:|---:|\n| {before} requests | {records} | "
          f"{len(endpoint.bodies) - before} | {again} |")


def main() -> None:
    """Print all tables, or be the client that one of them needs."""
    if sys.argv[1:2] == ["client"]:
        print(client(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
    elif sys.argv[1:2] == ["bare"]:
        print(bare(int(sys.argv[2])))
    else:
        with TemporaryDirectory() as folder:
            speed(folder)
            overhead(folder)
            resume(folder)


if __name__ == "__main__":
    main()
