"""The truth of drift verdicts on real texts, computed inside a baked project.

Half of the texts train model and embedder. Windows are drawn, with replacement, from the rest:
two windows from the same rows are unchanged traffic, whatever their size. What was drawn from is
written for `drift_truth_evidently.py`, which draws the same windows.
"""

import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from nlp.classifiers import TfidfLogistic

from nlp_gitops.drift import embedder, judge
from nlp_gitops.drift.columns import Layout, Reader
from nlp_gitops.drift.judge import Judged, Rules, compare
from nlp_gitops.drift.logs import Faults, files_of, read
from nlp_gitops.drift.profile import Lines, measure
from nlp_gitops.evaluation.statistics import wilson

SIZES = (200, 1_000, 10_000, 50_000)
REFERENCE = 10_000
CALM_REPORTS, PLANTED_REPORTS = 200, 40
UNCHANGED, ANY, PLAIN = "unchanged", "any signal", "cosine > .08"
STATISTICS = ("embedding", "label", "score", "length", "unknown_words")
# Reports of 7 days against the 28 before, by lines in a week.
WEEKS = {200: 600, 1_000: 600, 10_000: 1_500, 50_000: 400}
DAYS = 35
RULES = Rules(alpha=0.05, least=2, least_slice=2)
# A language that nobody has learned: every vowel and consonant is another one, lengths stay.
_FOREIGN = str.maketrans("aeioubcdfghjklmnpqrstvwxyz", "eiouacdfghjklmnpqrstvwxyzb")
Rows = list[dict]


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or with --export write embeddings and labels of two logs.

    SAMPLES TEXTS [OTHER_TEXTS], or --export TABLE LOG LOG.
    """
    if arguments[0] == "--export":
        _export(Path(arguments[1]), arguments[2:])
        return
    samples, *paths = arguments
    rows = _rows(paths[0])
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

    plain = columns(pool)
    drawn_from = {UNCHANGED: (pool, plain), **{
        name: (change, columns(change)) for name, change in _drifts(pool, paths[1:]).items()}}
    _weekly(layout, plain)
    ours = {UNCHANGED: _without_days(layout, plain)}
    ours |= _power(layout, {name: lines for name, (_, lines) in drawn_from.items()})
    _write_samples(Path(samples), drawn_from, ours)


def _weekly(layout: Layout, plain: Lines) -> None:
    print("\n### False alarms of weekly reports on unchanged traffic (stated: 5 % of reports)\n")
    print("7 days against the 28 before; days are dealt out.\n")
    print("| lines a week | reports | any signal | 95 % interval |\n|---:|---:|---:|---:|")
    for size, number in WEEKS.items():
        share = np.mean([_week(layout, plain, size, trial) for trial in range(number)])
        low, high = wilson(share, number, 0.95)
        print(f"| {size:,} | {number} | {share:.1%} | {low:.1%} to {high:.1%} |", flush=True)


def _without_days(layout: Layout, plain: Lines) -> dict[int, list[bool]]:
    print("\n### False alarms on unchanged traffic without days (stated: at most 5 %)\n")
    print(f"Reference {REFERENCE:,} lines, {CALM_REPORTS} reports for each size, the share with a "
          "significant signal: of all slices together, adjusted; then each statistic of the whole "
          "traffic by itself, unadjusted.\n")
    shown = (ANY, *STATISTICS, PLAIN)
    print(f"| lines | {' | '.join(shown)} |\n|---:|{'---:|' * len(shown)}")
    ours = {}
    for size in SIZES:
        hits = _trials(layout, plain, plain, size, CALM_REPORTS)
        ours[size] = hits[ANY]
        print(f"| {size:,} | {' | '.join(f'{np.mean(hits[name]):.1%}' for name in shown)} |",
              flush=True)
    return ours


def _power(layout: Layout, traffic: Mapping[str, Lines]) -> dict[str, dict[int, list[bool]]]:
    print("\n### Power under planted drift: share of reports with any significant signal\n")
    print(f"{PLANTED_REPORTS} reports for each cell; in brackets the plain rule, {PLAIN}.\n")
    print(f"| drift | {' | '.join(f'{size:,}' for size in SIZES)} | found by, at 1,000 |\n"
          f"|---|{'---:|' * len(SIZES)}---|")
    ours = {}
    for name in [name for name in traffic if name != UNCHANGED]:
        found = {size: _trials(layout, traffic[UNCHANGED], traffic[name], size, PLANTED_REPORTS)
                 for size in SIZES}
        ours[name] = {size: hits[ANY] for size, hits in found.items()}
        cells = [f"{np.mean(hits[ANY]):.2f} ({np.mean(hits[PLAIN]):.2f})"
                 for hits in found.values()]
        by = ", ".join(f"{key} {np.mean(found[1_000][key]):.2f}" for key in STATISTICS
                       if np.mean(found[1_000][key]) > 0.2)
        print(f"| {name} | {' | '.join(cells)} | {by} |", flush=True)
    return ours


def _write_samples(path: Path, drawn_from: Mapping[str, tuple[Rows, Lines]],
                   ours: Mapping[str, Mapping[int, Sequence[bool]]]) -> None:
    """Write the rows of every traffic as columns, and which of our reports had a signal."""
    arrays = {"about": np.array(json.dumps({"reference": REFERENCE, "ours": ours}))}
    for name, (rows, lines) in drawn_from.items():
        arrays |= {f"{name}|text": np.array([row["text"] for row in rows], object),
                   f"{name}|label": lines.labels, f"{name}|score": lines.scores,
                   f"{name}|length": lines.characters.astype(float),
                   f"{name}|vectors": lines.vectors.astype(np.float32)}
    np.savez(path, **arrays)


def _week(layout: Layout, lines: Lines, size: int, trial: int) -> bool:
    """Say whether a weekly report on unchanged traffic has any significant signal."""
    generator = np.random.default_rng([size, trial, DAYS])
    number = size * DAYS // 7
    drawn = replace(_drawn(generator, lines, number),
                    hours=generator.integers(0, DAYS, number) * 24)
    whole = measure(layout, drawn)
    judged = compare(whole.between(0, 28 * 24), whole.between(28 * 24, DAYS * 24), RULES)
    assert judged.unit == "day"
    return _any_signal(judged)


def _any_signal(judged: Judged) -> bool:
    return any(signal.get("p_adjusted", 1) < RULES.alpha
               for signals in judged.slices.values() for signal in signals.values())


def _trials(layout: Layout, before: Lines, now: Lines, size: int,
            number: int) -> dict[str, list[bool]]:
    hits: dict[str, list[bool]] = {}
    for trial in range(number):
        generator = np.random.default_rng([size, trial])
        reference = measure(layout, _drawn(generator, before, REFERENCE))
        current = measure(layout, _drawn(generator, now, size))
        judged = compare(reference, current, RULES)
        for name, hit in {
                ANY: _any_signal(judged),
                PLAIN: judge.compare_fixed(reference, current)["all"]["embedding"][
                    "verdict"] == "ALERT",
                **{name: signal.get("p", 1) < 0.05
                   for name, signal in judged.slices["all"].items()}}.items():
            hits.setdefault(name, []).append(hit)
    return hits


def _drawn(generator: np.random.Generator, lines: Lines, size: int) -> Lines:
    chosen = generator.integers(0, len(lines.hours), size)
    return Lines(**{name: value if name == "terms" else value[:, chosen] if name == "slices"
                    else value[chosen] for name, value in vars(lines).items()})


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
    from nlp_gitops.drift.reference import EMBEDDER

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
