"""What moved, and since when. Only explains: no verdict rests on it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from nlp_gitops.drift import embedder as embedders
from nlp_gitops.drift.distances import STATISTICS
from nlp_gitops.drift.embedder import Embedder
from nlp_gitops.drift.logs import Line
from nlp_gitops.drift.profile import Profile
from nlp_gitops.privacy import Masker

MOST_WORDS = 12
MOST_TEXTS = 8
SHOWN_CHARACTERS = 240
_LEAST_TEXTS = 3
_LEAST_Z = 2.0
_LEAST_A_DAY = 30
_SHUFFLES = 999
_EPOCH = date(1970, 1, 1)


def words(embedder: Embedder, reference: Profile, current: Profile) -> list[dict[str, Any]]:
    """Return the known words whose share of texts moved most, each with both shares and z (>= 2).

    This is a naive Bayes classifier of old against new texts: log odds ratios with a weak prior,
    divided by their standard errors.
    """
    n, m = (profile.total()[profile.layout.columns["embedded"]][0]
            for profile in (current, reference))
    if not (n and m and len(current.terms) and len(reference.terms)):
        return []
    now, before = current.terms + 0.5, reference.terms + 0.5
    odds = _log_odds(now, n) - _log_odds(before, m)
    error = np.sqrt(1 / now + 1 / (n - now + 1) + 1 / before + 1 / (m - before + 1))
    score = odds / error
    return [{"word": embedder.words[place], "share": float(current.terms[place] / n),
             "reference_share": float(reference.terms[place] / m), "z": float(score[place])}
            for place in np.argsort(-np.abs(score), kind="stable")[:MOST_WORDS]
            if abs(score[place]) >= _LEAST_Z]


def _log_odds(counts: np.ndarray, n: float) -> np.ndarray:
    return np.log(counts / (n - counts + 1))


def new_words(embedder: Embedder, sample: Sequence[Line], masker: Masker) -> list[dict[str, Any]]:
    """Return unknown words of a sample of texts, those of the most texts first."""
    counts = Counter(word for line in sample for word in {
        word for word in embedders.split(masker(line["text"])) if word not in embedder.index})
    return [{"word": word, "share": count / len(sample)}
            for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            if count >= _LEAST_TEXTS and not word.isdigit()][:MOST_WORDS]


def texts(embedder: Embedder, reference: Profile, current: Profile, sample: Sequence[Line],
          masker: Masker, most: int = MOST_TEXTS) -> list[dict[str, Any]]:
    """Return the texts that lie farthest in the direction in which the mean moved, masked."""
    columns = reference.layout.columns
    means = [profile.total()[columns["embedding"]]
             / max(profile.total()[columns["embedded"]][0], 1) for profile in (current, reference)]
    if not sample or not embedder.size:
        return []
    shown = [masker(line["text"]) for line in sample]
    pull = embedders.look(embedder, shown).vectors @ (means[0] - means[1])
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for place in np.argsort(-pull, kind="stable"):
        if shown[place] not in seen and len(found) < most:
            seen.add(shown[place])
            found.append({"text": shown[place][:SHOWN_CHARACTERS],
                          "label": sample[place].get("label"), "pull": float(pull[place])})
    return found


def time_line(reference: Profile, current: Profile) -> list[dict[str, Any]]:
    """Return each day's effects against the whole reference, oldest first."""
    totals = reference.total()
    days: dict[int, np.ndarray] = {}
    for profile in (reference, current):
        for hour, vector in profile.blocks.get("all", {}).items():
            if hour >= 0:
                days[hour // 24] = days.get(hour // 24, 0) + vector
    found = []
    for day in sorted(days):
        if days[day][0] < _LEAST_A_DAY:
            continue
        found.append({"day": (_EPOCH + timedelta(days=day)).isoformat(), "n": int(days[day][0]),
                      **_effects(reference, days[day], totals)})
    return found


def _effects(profile: Profile, day: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    effects = {}
    for statistic in STATISTICS:
        sides = [np.concatenate([side[profile.layout.columns[name]]
                                 for name in statistic.groups])[None]
                 for side in (day, reference)]
        if all((side[0, 0] if statistic.draw == "means" else side.sum()) > 1 for side in sides):
            value = float(statistic.compute(*sides)[1][0])
            if np.isfinite(value):
                effects[statistic.name] = value
    return effects


def change_point(line: Sequence[dict[str, Any]], statistic: str) -> dict[str, Any] | None:
    """Return the day from which on a statistic's daily effects are others, with its p-value.

    The split with the largest scaled difference of means (CUSUM); p by shuffling the days.
    """
    days = [entry for entry in line if statistic in entry]
    values = np.array([entry[statistic] for entry in days])
    if len(values) < 5:
        return None
    [place], [size] = _split(values[None])
    generator = np.random.default_rng(0)
    shuffled = np.array([generator.permutation(values) for _ in range(_SHUFFLES)])
    extreme = int((_split(shuffled)[1] >= size).sum())
    return {"day": days[place]["day"], "before": float(values[:place].mean()),
            "after": float(values[place:].mean()), "p": (1 + extreme) / (1 + _SHUFFLES)}


def _split(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best cut of every row of (rows, days), and its size."""
    n = values.shape[1]
    cuts = np.arange(1, n)
    before = np.cumsum(values, axis=1)[:, :-1]
    after = values.sum(axis=1, keepdims=True) - before
    gap = np.abs(before / cuts - after / (n - cuts)) * np.sqrt(cuts * (n - cuts) / n)
    return cuts[gap.argmax(axis=1)], gap.max(axis=1)
