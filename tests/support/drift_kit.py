"""What the drift tests share: made-up traffic as profiles, as log lines and as log folders."""

import gzip
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np

from nlp_gitops.drift.columns import UNTIMED, Layout, Lines
from nlp_gitops.drift.judge import Rules
from nlp_gitops.drift.profile import measure, merged

SIZE = 16
TOPICS = 12
LAYOUT = Layout(("bad", "good"), ("en",), (("domain", ("books", "toys")),), "e" * 64, SIZE)
OPEN = Rules(alpha=0.05, least=2, least_slice=2)
# Without slices all tests are of the signals that are looked at.
WHOLE = replace(LAYOUT, slices=())
_generator = np.random.default_rng(7)
_CENTRES = _generator.normal(size=(TOPICS, SIZE))
_CENTRES /= np.linalg.norm(_CENTRES, axis=1, keepdims=True)
_COMMON = np.full(SIZE, SIZE ** -0.5)


def traffic(generator, n, hours, topics=None, good=0.6, layout=LAYOUT):
    """Return n lines as columns: texts of topics, with labels, scores, lengths and words."""
    topic = generator.choice(TOPICS, n, p=topics)
    vectors = 0.6 * _COMMON + 0.6 * _CENTRES[topic] + generator.normal(size=(n, SIZE)) * 0.1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words = generator.poisson(12, n).astype(float)
    return Lines(
        hours=np.broadcast_to(hours, n).astype(np.int64),
        labels=(generator.random(n) < good).astype(np.int64), scores=generator.beta(6, 2, n),
        characters=generator.integers(10, 300, n), languages=np.ones(n, np.int64),
        slices=generator.integers(0, 2, (len(layout.slices), n)), first=np.ones(n, bool),
        status=np.full(n, 200), latency=generator.exponential(5, n), tokens=np.zeros((n, 2)),
        right=np.full(n, np.nan),
        words=np.column_stack([words, generator.binomial(words.astype(int), 0.05)]),
        vectors=vectors, terms=np.zeros(0))


def moods(generator, deviation):
    """Return shares of topics that vary with a log-normal mood of the day."""
    shares = np.exp(generator.normal(size=TOPICS) * deviation)
    return shares / shares.sum()


def pair(seed, n, m, topics=None, good=0.6, layout=LAYOUT):
    """Return a reference of m rows without a time, and n lines of one hour."""
    generator = np.random.default_rng(seed)
    return (measure(layout, traffic(generator, m, UNTIMED, layout=layout)),
            measure(layout, traffic(generator, n, 480_000, topics, good, layout)))


def days(generator, number, first, a_day, deviation=0.0, layout=LAYOUT, **more):
    """Return the profile of days whose topics vary."""
    return merged(layout, [
        measure(layout, traffic(generator, a_day, 24 * (first + day) + generator.integers(
            0, 24, a_day), moods(generator, deviation), layout=layout, **more))
        for day in range(number)])


def line(number, text="love it", label="positive", at=None, **more):
    """Return a line of a prediction log."""
    at = at or datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    return {"schema": "nlp-gitops/prediction/1", "request_id": f"r-{number}",
            "at": at.isoformat(timespec="milliseconds"), "model": "small", "version": "v1.0.0",
            "variant": "stable", "status": 200, "latency_ms": 2.5, "row": 0, "label": label,
            "score": 0.9, "characters": len(text), "fields": {"domain": "d0"}, "text": text, **more}


def write_log(folder, lines):
    """Write lines into a folder for each day, the second file of a day as gzip."""
    by_day = {}
    for item in lines:
        by_day.setdefault(item["at"][:10], []).append(item)
    for day, items in by_day.items():
        (folder / f"dt={day}").mkdir(parents=True, exist_ok=True)
        half = len(items) // 2
        for name, opener, part in (("a.jsonl", open, items[:half]),
                                   ("b.jsonl.gz", gzip.open, items[half:])):
            with opener(folder / f"dt={day}" / name, "wt", encoding="utf-8") as stream:
                stream.writelines(json.dumps(item) + "\n" for item in part)
    return folder


def on_day(number):
    """Return a moment on a day of March 2026."""
    return datetime(2026, 3, 1, 9, tzinfo=timezone.utc) + timedelta(days=number)
