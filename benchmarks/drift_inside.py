"""The truth of drift verdicts on real texts, computed inside a baked project.

Half of the texts train model and embedder. Windows are drawn, with replacement, from the rest:
two windows from the same rows are unchanged traffic, whatever their size.
"""

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mlops.drift import embedder, fixed
from mlops.drift.columns import Reader
from mlops.drift.judge import Rules, compare
from mlops.drift.layout import Layout
from mlops.drift.logs import Faults, files_of, read
from mlops.drift.profile import Lines, measure
from nlp.classifiers import TfidfLogistic

SIZES = (200, 1_000, 10_000, 50_000)
REFERENCE = 10_000
UNCHANGED, PLANTED = 200, 40
RULES = Rules(alpha=0.05, least=2, least_slice=2)
# A language that nobody has learned: every vowel and consonant is another one, lengths stay.
_FOREIGN = str.maketrans("aeioubcdfghjklmnpqrstvwxyz", "eiouacdfghjklmnpqrstvwxyzb")
Rows = list[dict]


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or with --export write embeddings and labels of two logs."""
    if arguments[0] == "--export":
        _export(Path(arguments[1]), arguments[2:])
        return
    rows = _rows(arguments[0])
    random.Random(0).shuffle(rows)
    train, pool = rows[:len(rows) // 2], rows[len(rows) // 2:]
    model = TfidfLogistic(word_ngrams=1, min_df=3)
    model.train([row["text"] for row in train], [row["label"] for row in train])
    frame = embedder.fit([row["text"] for row in train])
    domains = tuple(sorted({row["domain"] for row in pool}))
    layout = Layout(model.labels, (), (("domain", domains),), frame.sha256, frame.size)

    def columns(some: Rows) -> Lines:
        found = model.predict([row["text"] for row in some])
        return Reader(layout, frame).columns([({
            "label": item.label, "score": min(item.scores[item.label], 1.0), "text": row["text"],
            "fields": {"domain": row["domain"]}}, 0) for row, item in zip(some, found)],
            "rows", Faults())

    print("\n### False alarms on unchanged traffic (stated: 5 % of reports)\n")
    plain = columns(pool)
    shown = ("any signal", "embedding", "label", "score", "length", "unknown_words")
    print(f"Reference {REFERENCE:,} lines, {UNCHANGED} reports for each size, the share with a "
          "significant signal: of all slices together, adjusted; then each statistic of the whole "
          "traffic by itself, unadjusted.\n")
    print(f"| lines | {' | '.join(shown)} | cosine > .08 |\n|---:|{'---:|' * (len(shown) + 1)}")
    for size in SIZES:
        print(f"| {size:,} | {_line(_trials(layout, plain, plain, size, UNCHANGED), shown)} |",
              flush=True)
    print("\n### Power under planted drift: share of reports with any significant signal\n")
    print(f"{PLANTED} reports for each cell; in brackets the plain rule, cosine > .08.\n")
    print(f"| drift | {' | '.join(f'{size:,}' for size in SIZES)} | found by, at 1,000 |\n"
          f"|---|{'---:|' * len(SIZES)}---|")
    for name, change in _drifts(pool, arguments[1:]).items():
        changed = columns(change)
        cells, by = [], ""
        for size in SIZES:
            found = _trials(layout, plain, changed, size, PLANTED)
            cells.append(f"{found['any signal']:.2f} ({found['plain']:.2f})")
            if size == 1_000:
                by = ", ".join(f"{key} {found[key]:.2f}" for key in shown[1:] if found[key] > 0.2)
        print(f"| {name} | {' | '.join(cells)} | {by} |", flush=True)


def _trials(layout: Layout, before: Lines, now: Lines, size: int,
            number: int) -> dict[str, float]:
    counts: dict[str, int] = {}
    for trial in range(number):
        generator = np.random.default_rng([size, trial])
        reference = measure(layout, _drawn(generator, before, REFERENCE))
        current = measure(layout, _drawn(generator, now, size))
        judged = compare(reference, current, RULES)
        signals = [signal for signals in judged.slices.values() for signal in signals.values()]
        hits = {"any signal": any(signal.get("p_adjusted", 1) < 0.05 for signal in signals),
                "plain": fixed.compare(reference, current)["all"]["embedding"][
                    "verdict"] == "ALERT",
                **{name: signal.get("p", 1) < 0.05
                   for name, signal in judged.slices["all"].items()}}
        for name, hit in hits.items():
            counts[name] = counts.get(name, 0) + hit
    return {name: count / number for name, count in counts.items()}


def _drawn(generator: np.random.Generator, lines: Lines, size: int) -> Lines:
    chosen = generator.integers(0, len(lines.hours), size)
    return Lines(**{name: value if name == "terms" else value[:, chosen] if name == "slices"
                    else value[chosen] for name, value in vars(lines).items()})


def _line(found: dict[str, float], shown: Sequence[str]) -> str:
    return " | ".join(f"{100 * found[name]:.1f} %" for name in (*shown, "plain"))


def _drifts(pool: Rows, others: Sequence[str]) -> dict[str, Rows]:
    """Return rows to draw from, each with one planted change."""
    drawn = random.Random(1)

    def some(share: float, change: Callable[[dict], dict]) -> Rows:
        return [change(row) if drawn.random() < share else row for row in pool]

    label = pool[0]["label"]
    domain = max({row["domain"] for row in pool},
                 key=lambda name: sum(row["domain"] == name for row in pool))
    found = {
        f"domain mix: {domain} half as often": [
            row for row in pool if row["domain"] != domain or drawn.random() < 0.5],
        f"class shift: {label} three quarters as often": [
            row for row in pool if row["label"] != label or drawn.random() < 0.75],
        "typos: two letters swapped in every fifth text": some(0.2, lambda row: {
            **row, "text": _typo(row["text"], drawn)}),
        "truncated: every fifth text loses its second half": some(0.2, lambda row: {
            **row, "text": row["text"][:len(row["text"]) // 2]}),
        "language mix: 3 % of texts in another language": some(0.03, lambda row: {
            **row, "text": row["text"].translate(_FOREIGN)})}
    if others:
        topic = _rows(others[0])
        found["new topic: 3 % of texts are of another kind"] = some(0.03, lambda row: {
            **row, "text": drawn.choice(topic)["text"]})
    return found


def _typo(text: str, drawn: random.Random) -> str:
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) > 4]
    for place in drawn.sample(long, min(2, len(long))):
        word, at = words[place], drawn.randrange(1, len(words[place]) - 2)
        words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2:]
    return " ".join(words)


def _rows(path: str) -> Rows:
    with open(path, encoding="utf-8") as stream:
        return [{"domain": "", **json.loads(line)} for line in stream]


def _export(target: Path, places: Sequence[str]) -> None:
    from mlops.drift.reference import EMBEDDER

    [path] = Path("runs").glob(f"*/artifacts/drift/{EMBEDDER}")
    frame = embedder.from_bytes(path.read_bytes(), str(path))
    arrays = {}
    for name, place in zip(("before", "now"), places):
        lines = [line for file in files_of(place) for block in read(file, Faults())
                 for line, _ in block]
        arrays[f"{name}_vectors"] = embedder.look(
            frame, [line["text"] for line in lines]).vectors.astype(np.float32)
        arrays[f"{name}_labels"] = np.array([line["label"] for line in lines])
    np.savez(target, **arrays)


if __name__ == "__main__":
    main(sys.argv[1:])
