"""A profile: what is known of a stream of predictions, in memory that does not grow with it.

Profiles of parts add up to the profile of the whole, in any order and to the last bit: embeddings
are rounded to multiples of 2^-12, so that all sums are exact in float64 (for 500 million lines).
"""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.drift.columns import (LATENCY_EDGES, LENGTH_EDGES, SCORE_BINS, Layout, Lines,
                                      from_record)

SUFFIX = ".profile.npz"
GRID = 2.0 ** 12


@dataclass(frozen=True)
class Profile:
    """Sums by slice and hour; second moments (d, d) of the vectors by slice; texts by word."""

    layout: Layout
    blocks: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
    moments: Mapping[str, np.ndarray] = field(default_factory=dict)
    terms: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def total(self, name: str = "all") -> np.ndarray:
        """Return a slice's vector over all hours."""
        return sum(self.blocks.get(name, {}).values(), np.zeros(self.layout.width))

    def between(self, start: int, end: int) -> "Profile":
        """Return the hours from `start` up to `end`.

        Moments stay those of the whole. Texts by word are scaled by the share of texts that stays.
        """
        cut = Profile(self.layout, {
            name: kept for name, hours in self.blocks.items()
            if (kept := {hour: vector for hour, vector in hours.items() if start <= hour < end})},
            self.moments)
        texts, kept = (profile.total()[self.layout.columns["embedded"]][0]
                       for profile in (self, cut))
        return replace(cut, terms=self.terms * (kept / max(texts, 1)))


def measure(layout: Layout, lines: Lines) -> Profile:
    """Return the profile of some lines."""
    vectors = np.round(lines.vectors * GRID) / GRID
    blocks, moments = {}, {}
    members = {"all": np.arange(len(lines.hours))}
    for row, (name, values) in zip(lines.slices, layout.slices, strict=True):
        for value, text in enumerate((*values, "(other)")):
            members[f"{name}={text}"] = np.flatnonzero(row == value)
    for name, chosen in members.items():
        if not len(chosen):
            continue
        hours, place = np.unique(lines.hours[chosen], return_inverse=True)
        sums = _counts(layout, lines, chosen, place, len(hours))
        moments[name] = _vector_sums(layout, vectors[chosen], place, sums)
        blocks[name] = dict(zip(hours.tolist(), sums, strict=True))
    return Profile(layout, blocks, moments, lines.terms)


def _counts(layout: Layout, lines: Lines, chosen: np.ndarray, place: np.ndarray,
            hours: int) -> np.ndarray:
    """Return everything but the embedding, (hours, width)."""
    flat = np.zeros(hours * layout.width)
    base = place * layout.width
    first = lines.first[chosen]
    status, score = lines.status[chosen], lines.scores[chosen]
    bins = np.minimum(np.nan_to_num(score) * SCORE_BINS, SCORE_BINS - 1).astype(np.int64)
    right, answered = lines.right[chosen], lines.labels[chosen] >= 0
    length = np.searchsorted(LENGTH_EDGES, lines.characters[chosen], "right")
    latency = np.searchsorted(LATENCY_EDGES, lines.latency[chosen], "right")

    def count(name: str, where: np.ndarray, index: np.ndarray | int = 0,
              weights: np.ndarray | None = None) -> None:
        spot = base + layout.columns[name].start + index
        flat[:] += np.bincount(spot[where], None if weights is None else weights[where],
                               len(flat))

    count("rows", answered)
    count("label", answered, lines.labels[chosen])
    count("score", ~np.isnan(score), bins)
    count("length", lines.characters[chosen] >= 0, length)
    count("language", answered, lines.languages[chosen])
    count("requests", first)
    count("refused", first & (status >= 400) & (status < 500))
    count("failed", first & (status >= 500))
    count("latency", first & ~np.isnan(lines.latency[chosen]), latency)
    for column, name in enumerate(("prompt_tokens", "completion_tokens")):
        count(name, first, 0, lines.tokens[chosen, column])
    known = ~np.isnan(right) & ~np.isnan(score)
    count("judged", known, bins)
    count("right", known, bins, right)
    total, unknown = lines.words[chosen].T
    for index, value in enumerate((np.ones_like(total), total, unknown, total ** 2, unknown ** 2,
                                   total * unknown)):
        count("words", total > 0, index, value)
    return flat.reshape(hours, layout.width)


def _vector_sums(layout: Layout, vectors: np.ndarray, place: np.ndarray,
                 sums: np.ndarray) -> np.ndarray:
    """Add the vectors to the hours' sums; return their second moments."""
    if not layout.size:
        return np.zeros((0, 0))
    there = ~np.isnan(vectors[:, 0])
    order = np.flatnonzero(there)[np.argsort(place[there], kind="stable")]
    if not len(order):
        return np.zeros((vectors.shape[1], vectors.shape[1]))
    vectors, place = vectors[order], place[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    squares = (vectors[:, :layout.size] ** 2).sum(axis=1)
    both = slice(layout.columns["embedding"].start, layout.columns["features"].stop)
    found = sums[place[starts]]
    found[:, layout.columns["embedded"].start] = np.diff(starts, append=len(place))
    found[:, layout.columns["squares"].start] = np.add.reduceat(squares, starts)
    found[:, both] = np.add.reduceat(vectors, starts, axis=0)
    sums[place[starts]] = found
    return vectors.T @ vectors


def check_layouts(one: Profile, other: Profile) -> None:
    """Raise UsageError if two profiles were made in different ways."""
    if one.layout != other.layout:
        raise UsageError("these profiles cannot be merged or compared: their embedder, labels or "
                         f"slices differ (layout {one.layout.sha256[:12]} and "
                         f"{other.layout.sha256[:12]}); make both with the same model version")


def merge(one: Profile, other: Profile) -> Profile:
    """Return the profile of both; raise UsageError if they were made in different ways."""
    check_layouts(one, other)
    blocks = {name: _added(one.blocks.get(name, {}), other.blocks.get(name, {}))
              for name in {**one.blocks, **other.blocks}}
    terms = one.terms + other.terms if len(one.terms) and len(other.terms) else (
        one.terms if len(one.terms) else other.terms)
    return Profile(one.layout, blocks, _added(one.moments, other.moments), terms)


def merged(layout: Layout, profiles: Iterable[Profile]) -> Profile:
    """Return the profile of all."""
    return reduce(merge, profiles, Profile(layout))


def _added(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[Any, Any]:
    return {**one, **{key: one[key] + value if key in one else value
                      for key, value in other.items()}}


def to_bytes(profile: Profile) -> bytes:
    """Return a profile as one file: equal profiles give equal bytes, and no text is in it."""
    keys = [(name, hour) for name in sorted(profile.blocks)
            for hour in sorted(profile.blocks[name])]
    names = sorted(profile.moments)
    upper = np.triu_indices(profile.layout.vector)
    arrays = {
        "blocks": np.array([profile.blocks[name][hour] for name, hour in keys]).reshape(
            len(keys), profile.layout.width),
        "moments": np.array([profile.moments[name][upper] for name in names]).reshape(
            len(names), len(upper[0])),
        "terms": profile.terms}
    about = {"layout": profile.layout.record(), "keys": keys, "moments": names}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_member("about.json"), json.dumps(about, sort_keys=True))
        for name, array in sorted(arrays.items()):
            part = io.BytesIO()
            np.save(part, array.astype("<f8"), allow_pickle=False)
            archive.writestr(_member(f"{name}.npy"), part.getvalue())
    return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def from_bytes(data: bytes, where: str) -> Profile:
    """Read a profile; raise UsageError if the bytes are none. Nothing in them can run code."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            about = json.loads(archive.read("about.json"))
            arrays = {name: np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
                      for name in ("blocks", "moments", "terms")}
        layout = from_record(about["layout"])
        blocks: dict[str, dict[int, np.ndarray]] = {}
        for (name, hour), vector in zip(about["keys"], arrays["blocks"], strict=True):
            blocks.setdefault(str(name), {})[int(hour)] = vector
        if arrays["blocks"].shape[1:] != (layout.width,):
            raise ValueError("blocks of another width")
        moments = {str(name): _square(row, layout.vector) for name, row in
                   zip(about["moments"], arrays["moments"], strict=True)}
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UsageError(f"{where}: this is no drift profile: {error}") from None
    return Profile(layout, blocks, moments, arrays["terms"])


def _square(upper: np.ndarray, size: int) -> np.ndarray:
    found = np.zeros((size, size))
    found[np.triu_indices(size)] = upper
    return found + np.triu(found, 1).T


def write(path: Path, profile: Profile) -> None:
    """Write a profile, atomically."""
    files.write_atomic(path, to_bytes(profile))
