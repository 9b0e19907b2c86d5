"""What tools/check_schema.py does: check, fix what can be derived if asked, check again."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import CheckFailed, NotMeasured, UserError
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.merge_base import FETCH_ALL
from nlp_gitops.core.names import Version
from nlp_gitops.data import card
from nlp_gitops.data import changes as diff
from nlp_gitops.data import quality
from nlp_gitops.data.changes import base_of
from nlp_gitops.data.check import Measured, add_remark, measure
from nlp_gitops.data.codes import Collector, severities
from nlp_gitops.data.manifest import Manifest, manifest_of
from nlp_gitops.data.quality import Remark
from nlp_gitops.data.report import Report, VersionNote


def apply_fixes(manifest: Manifest, measured: Measured, version: VersionNote) -> Iterator[str]:
    """Write the needed version and digest into the manifest, then the card; yield what was done."""
    wanted = {}
    if version.needed and Version.parse(manifest.version) < Version.parse(version.needed):
        wanted["version"] = version.needed
    if measured.test_sha256 and measured.test_sha256 != manifest.test_sha256:
        wanted["test_sha256"] = measured.test_sha256
    if wanted:
        # As bytes, so that line ends stay what they are.
        text = edited(manifest.path.read_bytes().decode(), manifest.path, wanted)
        write_atomic(manifest.path, text)
        for key, value in wanted.items():
            yield f"wrote {key}: {value} to {manifest.path}" + (
                f" ({version.reason})" if key == "version" else "")
        manifest = manifest_of(yamlfile.read(manifest.path, "dataset"))
    path = card.path_of(manifest)
    text = card.current(manifest, measured)
    if not path.is_file() or yamlfile.read_text(path) != text:
        write_atomic(path, text)
        yield f"wrote {path}"


def edited(text: str, path: Path, wanted: dict[str, str]) -> str:
    """Return a manifest's text with these top-level values, all other characters kept.

    The result is read back. Raise CheckFailed if it does not say exactly what was meant.
    """
    draft = text
    for key, value in wanted.items():
        draft, count = re.subn(rf"""^({key}[ \t]*:[ \t]*)(["']?)[^\s"'#]+\2""",
                               lambda match: f"{match[1]}{match[2]}{value}{match[2]}", draft,
                               count=1, flags=re.MULTILINE)
        if not count:
            end = "\r\n" if "\r\n" in draft else "\n"
            draft += ("" if draft.endswith("\n") else end) + f"{key}: {value}{end}"
    try:
        if yamlfile.parse(draft, path).value == {**yamlfile.parse(text, path).value, **wanted}:
            return draft
    except UserError:
        pass
    raise CheckFailed(f"{path}: this layout cannot be edited automatically; write by hand: "
                      + ", ".join(f"{key}: {value}" for key, value in wanted.items()))


def check_and_fix(path: Path, base: str | None = None,
                  fix: bool = False) -> tuple[Report, Sequence[str]]:
    """Check a dataset; with `fix` write what can be derived. Return the report and what was done.

    Raise UsageError for a manifest or file that cannot be read, and NotMeasured for a `base` that
    is not there or for a reader that is not installed.
    """
    document = yamlfile.parse(yamlfile.read_text(path), path)
    broken = Collector(severities({}))
    for finding in yamlfile.faults(document, "dataset"):
        broken.keep(finding)
    if broken.counts:
        return _report(0, broken), ()
    manifest = manifest_of(document)
    found = Collector(severities(manifest.checks))
    measured = measure(manifest, found)
    version = _version(manifest, measured, base, found)
    done: list[str] = []
    if fix:
        done.extend(apply_fixes(manifest, measured, version))
        if done:
            report, _ = check_and_fix(path, base)
            return report, done
    for remark in quality.check_manifest(manifest):
        add_remark(manifest, found, remark)
    for remark in card.check(manifest, measured):
        add_remark(manifest, found, remark)
    return _report(len(measured.table), found, measured, version), done


def _version(manifest: Manifest, measured: Measured, ref: str | None,
             found: Collector) -> VersionNote:
    """Compare with the base and with the pinned digest; return which version is needed."""
    declared = Version.parse(manifest.version)
    note = _against_base(manifest, declared, ref, found)
    actual, pinned = measured.test_sha256, manifest.test_sha256
    if actual and pinned is None:
        add_remark(manifest, found, Remark(
            "D071", "the test split is not pinned: no test_sha256", (),
            f"add test_sha256: {actual}, or run with --fix"))
    elif actual and actual != pinned:
        add_remark(manifest, found, Remark(
            "D070", f"the test split is not the pinned one (found {actual[:12]}…)",
            ("test_sha256",), "restore its rows, or make a new version of it with --fix"))
        if note.needed is None:
            return VersionNote(note.declared, str(declared.bumped(diff.MAJOR)),
                               "test split changed since it was pinned")
    return note


def _against_base(manifest: Manifest, declared: Version, ref: str | None,
                  found: Collector) -> VersionNote:
    try:
        with base_of(manifest, ref) as base:
            if base is None:
                return VersionNote(str(declared), str(declared), "new dataset")
            if base.manifest.name != manifest.name:
                return VersionNote(str(declared), str(declared),
                                   f"new dataset in place of {base.manifest.name}")
            before = Version.parse(base.manifest.version)
            differences = diff.changes(base.manifest, manifest, base.has_same_rows)
    except NotMeasured as error:
        if ref is not None:
            raise
        add_remark(manifest, found, Remark(
            "D081", f"version bump not checked: {error}", ("version",), FETCH_ALL))
        return VersionNote(str(declared), None, f"not checked: {error}")
    least = max(diff.needed(before, differences), before)
    reason = "; ".join(change.message for change in differences[:5]) or "no difference"
    if declared < least:
        add_remark(manifest, found, Remark(
            "D080", f"version {declared} is too low: {reason} -> {least}", ("version",),
            f"write version: {least}, or run with --fix"))
    return VersionNote(str(declared), str(least), f"{reason}, since {before}")


def _report(rows: int, found: Collector, measured: Measured | None = None,
            version: VersionNote | None = None) -> Report:
    return Report(
        rows=rows, findings=tuple(found.findings), counts=found.by_code(),
        errors=found.total("error"), warnings=found.total("warning"), version=version,
        splits=measured.parts if measured else {},
        test_sha256=measured.test_sha256 if measured else None)
