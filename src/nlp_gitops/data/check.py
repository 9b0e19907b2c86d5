"""The data check: manifest, rows, splits, leakage, pinned test split, version bump."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from nlp_gitops.data import codes, near, overlap, quality, texts
from nlp_gitops.data.codes import Collector
from nlp_gitops.data.manifest import Manifest
from nlp_gitops.data.rowcheck import Fault, Shape
from nlp_gitops.data.rowcheck import near as near_name
from nlp_gitops.data.rowcheck import shape_of, shown
from nlp_gitops.data.rows import canonical, digest_of
from nlp_gitops.data.scan import Batch, Layout, Report
from nlp_gitops.data.table import Table
from nlp_gitops.data.walk import Seen, Step, again, fetch, walk

MAX_PAIRS = 2_000
NULL_TEXT = ("D010", "D012", "D013")

_HINTS = {
    "D020": "give each row an id of its own",
    "D022": "decide for one label, or remove both rows",
    "D030": "remove it from one of the splits",
    "D031": "remove it from one of the splits",
    "D033": "keep groups together: splits: {group: …}, or move their rows into one split",
}


@dataclass(frozen=True)
class Measured:
    """What the rows were found to be. `test_sha256` is None where the test split has no rows."""

    table: Table
    parts: dict[str, quality.Summary]
    test_sha256: str | None


def measure(manifest: Manifest, found: Collector, fast: bool = True) -> Measured:
    """Read all rows once and check them; findings go to `found`."""
    shape = shape_of(manifest)
    table = Table(manifest.split_names)
    digests: list[bytes] = []
    test = manifest.split_names.index("test")
    wants_folded = found.wants("D031") or found.wants("D032")
    inside = _inside_checks(found)
    report = _reporter(manifest, found)
    last: Path | None = None
    for step in walk(manifest, shape, report, _layout_reporter(found), fast):
        if step.path != last:
            table.begin_file(step.path)
            last = step.path
        table.add(step.batch, step.splits)
        if wants_folded:
            table.folded.extend(0 if text is None else hash(texts.folded(text))
                                for text in step.batch.texts)
        digests.extend(_digests(step, test))
        for look in inside:
            look(step)
    _pair_findings(manifest, shape, table, found)
    if found.wants("D032"):
        _near_findings(manifest, shape, table, found)
    parts = quality.summaries(table)
    for remark in quality.check(manifest, table, parts):
        add_remark(manifest, found, remark)
    return Measured(table, parts, digest_of(digests) if digests else None)


def add_remark(manifest: Manifest, found: Collector, remark: quality.Remark) -> None:
    """Add a finding on the dataset as a whole, at its place in the manifest."""
    line, column = position(manifest, remark.keys)
    is_chosen = remark.code in (manifest.checks.get("severity") or {})
    severity = None if is_chosen else remark.severity
    found.add(remark.code, remark.message, severity=severity, file=str(manifest.path), line=line,
              column=column, field=str(remark.keys[-1]) if remark.keys else None, hint=remark.hint)


def position(manifest: Manifest, keys: quality.Keys) -> tuple[int, int]:
    """Return line and column of a value of the manifest, also in a list of single-key maps."""
    if keys and keys[0] == "quality_checks":
        given = manifest.document.value.get("quality_checks")
        for index, item in enumerate(given if isinstance(given, list) else []):
            if keys[1] in item:
                keys = (keys[0], index, *keys[1:])
                break
    return manifest.document.position(keys)


def _reporter(manifest: Manifest, found: Collector) -> Callable[[Path], Report]:
    tolerated = "max_null_text_pct" in manifest.checks

    def of_file(path: Path) -> Report:
        def report(line: int, row_id: str | None, fault: Fault) -> None:
            is_null_text = fault.field == "text" and fault.code in NULL_TEXT
            level = codes.WARNING if tolerated and is_null_text else found.level(fault.code)
            hint = fault.hint
            # Looking for what was meant is slow, so it is done for findings that are kept.
            if fault.wrong is not None and found.has_room(level):
                hint = near_name(fault.wrong, fault.known)
            found.add(fault.code, fault.message, severity=level, file=str(path), line=line,
                      id=row_id and row_id[:60], field=fault.field, hint=hint)
        return report

    return of_file


def _layout_reporter(found: Collector) -> Callable[[Path, Layout], None]:
    def report(path: Path, layout: Layout) -> None:
        if layout.has_bom:
            found.add("D003", "the file begins with a byte order mark", file=str(path), line=1,
                      hint="save it as UTF-8 without BOM")
        if layout.empty_lines:
            found.add("D003", f"{layout.empty_lines:,} empty lines, skipped", file=str(path),
                      line=layout.first_empty)
        for name, count in layout.unknown.most_common(20):
            found.add("D015", f"{count:,} rows have field {shown(name)}, which the schema does not "
                      "know", file=str(path), line=layout.first_unknown[name], field=name[:60],
                      hint="add it to schema, or remove it")
    return report


def _digests(step: Step, test: int) -> Iterator[bytes]:
    if test in step.splits:
        chosen = [index for index, split in enumerate(step.splits)
                  if split == test and step.batch.texts[index] is not None]
        for row in step.batch.rows(chosen):
            yield hashlib.sha256(canonical(row)).digest()


def _inside_checks(found: Collector) -> list[Callable[[Step], None]]:
    """Return the checks that look into texts, as far as they are switched on."""
    def odd(step: Step) -> None:
        if step.batch.may_be_odd:
            for index, text in _texts(step.batch):
                oddity = texts.oddity(text)
                if oddity:
                    add("D051", step, index, *oddity)

    def personal(step: Step) -> None:
        for index, text in _texts(step.batch):
            hit = texts.personal(text)
            if hit:
                add("D060", step, index, hit, "replace it with an invented one, or mask it")

    def add(code: str, step: Step, index: int, message: str, hint: str | None) -> None:
        row_id = step.batch.ids[index]
        found.add(code, message, file=str(step.path), line=step.batch.lines[index],
                  id=row_id and row_id[:60], field="text", hint=hint)

    return [look for code, look in (("D051", odd), ("D060", personal)) if found.wants(code)]


def _texts(batch: Batch) -> Iterator[tuple[int, str]]:
    return ((index, text) for index, text in enumerate(batch.texts) if text is not None)


def _pair_findings(manifest: Manifest, shape: Shape, table: Table, found: Collector) -> None:
    """Find rows that meet; read those that will be shown again, because only hashes were kept."""
    pairs: list[overlap.Pair] = []
    for look in (overlap.same_ids, overlap.same_texts, overlap.folded_leaks,
                 overlap.straddling_groups):
        pairs.extend(_first_of_each(look(table), found))
    outliers = quality.length_outliers(table)[:MAX_PAIRS] if found.wants("D050") else []
    rows = {row for pair in pairs for row in (pair.row, pair.first)} | {row for row, _ in outliers}
    seen = fetch(table, shape, rows)
    for pair in sorted(pairs, key=lambda pair: pair.row):
        message = _pair_message(pair, table, seen)
        _add_row(found, pair.code, message, pair.row, table, seen,
                 {"D020": "id", "D033": shape.group}.get(pair.code, "text"),
                 _HINTS.get(pair.code))
    for row, length in outliers:
        _add_row(found, "D050", f"text has {length:,} characters, far more than the others", row,
                 table, seen, "text")


def _first_of_each(pairs: Iterable[overlap.Pair], found: Collector) -> Iterator[overlap.Pair]:
    taken: dict[str, int] = {}
    for pair in pairs:
        if not found.wants(pair.code):
            continue
        taken[pair.code] = taken.get(pair.code, 0) + 1
        if taken[pair.code] <= MAX_PAIRS:
            yield pair
        else:
            found.count(pair.code)


def _pair_message(pair: overlap.Pair, table: Table, seen: dict[int, Seen]) -> str:
    here, there = seen[pair.row], seen[pair.first]
    place = f"{table.file_of(pair.first)}:{table.lines[pair.first]}"
    who = f"{place} (id {there.id[:60]})" if there.id else place
    split = table.split_names[table.splits[pair.first]]
    own = table.split_names[table.splits[pair.row]]
    if pair.code == "D020":
        return f"id {shown(here.id)} stands also at {place}"
    if pair.code == "D021":
        return f"the same text as at {who}"
    if pair.code == "D022":
        return (f"text {shown(here.text)} is labelled {shown(here.label)} here, but "
                f"{shown(there.label)} at {who}")
    if pair.code == "D033":
        return f"group {shown(here.group)} lies in {own} and in {split}, at {place}"
    other = (f", labelled {shown(there.label)} there and {shown(here.label)} here"
             if here.label and there.label and here.label != there.label else "")
    like = "the same text but for case, width or white space" if pair.code == "D031" \
        else "the same text"
    return f"{own} holds {like} as {split}, at {who}{other}"


def _near_findings(manifest: Manifest, shape: Shape, table: Table, found: Collector) -> None:
    index = near.Index(_shingles(manifest, shape, table, is_train=False))
    if index.left_out:
        add_remark(manifest, found, quality.Remark(
            "D032", f"near leaks: {index.left_out:,} rows of the smaller splits were left out, "
            "for there is no room to compare so many"))
    pairs: list[near.NearPair] = []
    for part in chain(index.parts, _shingles(manifest, shape, table, is_train=True)):
        for pair in index.pairs(part):
            if _is_known(pair, table):
                continue
            if len(pairs) < MAX_PAIRS:
                pairs.append(pair)
            else:
                found.count("D032")
    seen = fetch(table, shape, {row for pair in pairs for row in (pair.row, pair.other)})
    for pair in pairs:
        there = seen[pair.other]
        who = f" (id {there.id[:60]})" if there.id else ""
        _add_row(found, "D032",
                 f"{pair.similarity:.0%} of the 5-word runs are also in "
                 f"{table.split_names[table.splits[pair.other]]}, at "
                 f"{table.file_of(pair.other)}:{table.lines[pair.other]}{who}",
                 pair.row, table, seen, "text")


def _is_known(pair: near.NearPair, table: Table) -> bool:
    """Say whether a pair is told otherwise: within a split, the other way round, or D030, D031."""
    splits = table.splits
    return (splits[pair.row] == splits[pair.other]
            or table.folded[pair.row] == table.folded[pair.other]
            or (pair.row < pair.other and "train" not in (table.split_names[splits[pair.row]],
                                                          table.split_names[splits[pair.other]])))


def _shingles(manifest: Manifest, shape: Shape, table: Table,
              is_train: bool) -> Iterator[near.Shingles]:
    """Yield the shingles of the train split, or of the others, some rows at a time."""
    train = table.split_names.index("train")
    rows: list[int] = []
    chunk: list[str] = []
    for start, batch in again(manifest, shape):
        for number, text in _texts(batch):
            if (table.splits[start + number] == train) == is_train:
                rows.append(start + number)
                chunk.append(text)
                if len(rows) == near.MAX_CHUNK:
                    yield near.shingles(rows, chunk)
                    rows, chunk = [], []
    yield near.shingles(rows, chunk)


def _add_row(found: Collector, code: str, message: str, row: int, table: Table,
             seen: dict[int, Seen], field: str | None, hint: str | None = None) -> None:
    row_id = seen[row].id
    found.add(code, message, file=str(table.file_of(row)), line=table.lines[row],
              id=row_id and row_id[:60], field=field, hint=hint)
