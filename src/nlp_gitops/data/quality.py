"""Checks on the whole: sizes, shares, missing texts, label drift, lengths, and the manifest."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nlp_gitops.core.errors import UserError
from nlp_gitops.core.project import check_language, check_license
from nlp_gitops.data.manifest import Manifest
from nlp_gitops.data.overlap import copies
from nlp_gitops.data.table import Table

# Label drift and split shares: a difference counts if it is large and no chance of the sample.
MIN_SHIFT = 0.05
MIN_SHARE_ERROR = 0.02
STANDARD_ERRORS = 4
# A length outlier is this many times as long as the 99th percentile, and long in itself.
OUTLIER_FACTOR = 5
OUTLIER_CHARS = 1000

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding on the dataset as a whole; `keys` lead to the value in the manifest."""

    code: str
    message: str
    keys: Keys = ()
    hint: str | None = None
    severity: str | None = None


@dataclass(frozen=True)
class Summary:
    """Counts of one split. Lengths are in characters, over the rows with text."""

    rows: int
    without_text: int
    labels: Mapping[str, int]
    median_length: int
    p95_length: int
    longest: int


def summaries(table: Table) -> dict[str, Summary]:
    """Return the counts of each split, in the manifest's order."""
    splits, lengths, labels = (table.column(name) for name in ("splits", "lengths", "labels"))
    found = {}
    for index, name in enumerate(table.split_names):
        here = splits == index
        sizes = lengths[here & (lengths > 0)]
        counts = np.bincount(labels[here], minlength=len(table.label_names) + 1)
        median, p95 = np.percentile(sizes, [50, 95]) if len(sizes) else (0, 0)
        found[name] = Summary(
            rows=int(here.sum()), without_text=int(here.sum()) - len(sizes),
            labels={label: int(counts[code])
                    for code, label in enumerate(table.label_names, 1) if counts[code]},
            median_length=round(float(median)), p95_length=round(float(p95)),
            longest=int(sizes.max()) if len(sizes) else 0)
    return found


def check(manifest: Manifest, table: Table, parts: Mapping[str, Summary]) -> Iterator[Remark]:
    """Yield what is wrong with sizes, shares and labels."""
    yield from _sizes(manifest, table, parts)
    yield from _shares(manifest, parts)
    yield from _labels(manifest, parts)
    yield from _drift(parts)


def _sizes(manifest: Manifest, table: Table, parts: Mapping[str, Summary]) -> Iterator[Remark]:
    checks, rows = manifest.checks, len(table)
    least = checks.get("min_rows", 0)
    if rows < least:
        yield Remark("D040", f"{rows:,} rows, fewer than min_rows {least:,}", _at("min_rows"),
                     "add rows, or lower the bound in a pull request of its own")
    for name, part in parts.items():
        if not part.rows:
            yield Remark("D048", f"the {name} split has no rows", ("splits", name))
    without = sum(part.without_text for part in parts.values())
    share = 100 * without / rows if rows else 0
    if "max_null_text_pct" in checks and share > checks["max_null_text_pct"]:
        yield Remark("D041", f"{without:,} of {rows:,} rows have no text ({share:.3g} %), more "
                     f"than max_null_text_pct {checks['max_null_text_pct']:g} %",
                     _at("max_null_text_pct"))
    if "max_duplicate_pct" in checks:
        repeated = copies(table)
        share = 100 * repeated / rows if rows else 0
        if share > checks["max_duplicate_pct"]:
            yield Remark("D045", f"{repeated:,} of {rows:,} rows repeat an earlier text "
                         f"({share:.3g} %), more than max_duplicate_pct "
                         f"{checks['max_duplicate_pct']:g} %", _at("max_duplicate_pct"))


def _shares(manifest: Manifest, parts: Mapping[str, Summary]) -> Iterator[Remark]:
    total = sum(part.rows for part in parts.values())
    if manifest.ratios is None or not total:
        return
    for name, part in parts.items():
        declared, found = manifest.ratios[name], part.rows / total
        noise = STANDARD_ERRORS * math.sqrt(declared * (1 - declared) / total)
        if abs(found - declared) > max(MIN_SHARE_ERROR, noise):
            yield Remark("D042", f"the {name} split has {found:.1%} of the rows, declared are "
                         f"{declared:.1%}", ("splits", name),
                         "few large groups cannot be split evenly" if manifest.group else None)


def _labels(manifest: Manifest, parts: Mapping[str, Summary]) -> Iterator[Remark]:
    names = [str(label) for label in manifest.labels] or sorted(
        {label for part in parts.values() for label in part.labels})
    for split, part in parts.items():
        absent = [label for label in names if label not in part.labels]
        if absent and part.labels:
            shown = ", ".join(absent[:10]) + (", …" if len(absent) > 10 else "")
            yield Remark("D043", f"the {split} split has no row with label {shown}",
                         ("schema", "label"), severity="error" if split == "train" else None)
    counts = {label: sum(part.labels.get(label, 0) for part in parts.values()) for label in names}
    least = manifest.checks.get("min_rows_per_label", 0)
    for label, count in counts.items():
        if count < least:
            yield Remark("D046", f"label {label!r} has {count:,} rows, fewer than "
                         f"min_rows_per_label {least:,}", _at("min_rows_per_label"))
    most, total = manifest.checks.get("max_label_share", 1), sum(counts.values())
    for label, count in counts.items():
        if total and count / total > most:
            yield Remark("D047", f"label {label!r} has {count / total:.1%} of the rows, more than "
                         f"max_label_share {most:.1%}", _at("max_label_share"))


def _drift(parts: Mapping[str, Summary]) -> Iterator[Remark]:
    """Compare the labels of each split with the first one's, usually train."""
    named = [(name, part) for name, part in parts.items() if part.labels]
    for name, part in named[1:]:
        base_name, base = named[0]
        shifts = sorted(_shifts(base.labels, part.labels), reverse=True)
        if shifts:
            text = ", ".join(f"{label} {before:.1%} -> {after:.1%}"
                             for _, label, before, after in shifts[:5])
            yield Remark("D044", f"labels differ between {base_name} and {name}: {text}",
                         ("splits", name), "split again, stratified, or state why in limits")


def _shifts(base: Mapping[str, int],
            other: Mapping[str, int]) -> Iterator[tuple[float, str, float, float]]:
    size, others = sum(base.values()), sum(other.values())
    for label in sorted({*base, *other}):
        before, after = base.get(label, 0) / size, other.get(label, 0) / others
        pooled = (base.get(label, 0) + other.get(label, 0)) / (size + others)
        noise = STANDARD_ERRORS * math.sqrt(pooled * (1 - pooled) * (1 / size + 1 / others))
        if abs(after - before) > max(MIN_SHIFT, noise):
            yield abs(after - before), label, before, after


def length_outliers(table: Table) -> Sequence[tuple[int, int]]:
    """Return (row, length) of texts far longer than the others, longest first."""
    lengths = table.column("lengths")
    known = lengths[lengths > 0]
    if not len(known):
        return []
    bound = max(OUTLIER_CHARS, OUTLIER_FACTOR * int(np.percentile(known, 99, method="lower")))
    rows = np.flatnonzero(lengths > bound)
    return sorted(((int(row), int(lengths[row])) for row in rows), key=lambda pair: -pair[1])


def _at(check: str) -> Keys:
    return ("quality_checks", check)


def check_manifest(manifest: Manifest) -> Iterator[Remark]:
    """Yield D090 for a missing licence and D091 for an unknown licence or language."""
    if manifest.license is None:
        yield Remark("D090", "no license: nobody knows whether the rows may be used", (),
                     "add license: with an SPDX identifier such as CC-BY-4.0, or internal")
    else:
        try:
            check_license(manifest.license)
        except UserError as error:
            yield Remark("D091", str(error), ("license",))
    for language in manifest.languages:
        try:
            check_language(language)
        except UserError as error:
            yield Remark("D091", str(error), ("language",))
        allowed = manifest.checks.get("allowed_languages")
        if allowed is not None and language not in allowed:
            yield Remark("D091", f"language {language} is not in allowed_languages "
                         f"{', '.join(allowed)}", ("language",))
