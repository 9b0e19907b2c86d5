"""Behavioural tests of a model from a YAML file: what it must do, whatever the test split holds.

After CheckList (Ribeiro 2020): MFT, a minimum functionality (texts and their label); INV, a change
that must not change the label; DIR, a change that must move a label's score in one direction.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import UsageError
from nlp_gitops.evaluation.predictions import Single
from nlp_gitops.model import Model, Prediction

KINDS = ("MFT", "INV", "DIR")
SHOWN = 5


@dataclass(frozen=True)
class Case:
    """One text, and for INV and DIR its changed form."""

    text: str
    changed: str | None = None


@dataclass(frozen=True)
class Test:
    """One capability: its cases and what is expected of them."""

    suite: str
    name: str
    kind: str
    cases: tuple[Case, ...]
    label: str | None
    expect: str | None
    tolerance: float


@dataclass(frozen=True)
class Result:
    """How a test went. `examples` are the first failed texts, with what was predicted."""

    test: Test
    failed: int
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the result as the report shows it."""
        return {"suite": self.test.suite, "kind": self.test.kind, "name": self.test.name,
                "n": len(self.test.cases), "failed": self.failed, "examples": list(self.examples)}


def load_suite(path: Path, name: str) -> list[Test]:
    """Read a suite; raise UsageError with file:line:column at its first fault."""
    document = yamlfile.read(path, "behaviour")
    tests = []
    for number, spec in enumerate(document.value["tests"]):
        place = document.where("tests", number)
        cases = tuple(_cases(spec, place))
        if not cases:
            raise UsageError(f"{place}: the test {spec['name']!r} has no case that it changes")
        tests.append(Test(name, spec["name"], spec["kind"], cases, spec.get("label"),
                          spec.get("expect"), spec.get("tolerance", 0.0)))
    return tests


def run_suite(tests: Sequence[Test], model: Model) -> list[Result]:
    """Run tests on a model, all texts in one call, so that a provider is asked many at once."""
    texts = list(dict.fromkeys(text for test in tests for case in test.cases
                               for text in (case.text, case.changed) if text is not None))
    found = dict(zip(texts, model.predict(texts), strict=True)) if texts else {}
    return [_run(test, found) for test in tests]


def fail_rates(results: Sequence[Result], champion: Sequence[Result] = ()) -> dict[str, Single]:
    """Return the share of failed cases by `SUITE:KIND`."""
    found: dict[str, Single] = {}
    for suite, kind in {(item.test.suite, item.test.kind) for item in results}:
        rate, n = _rate(results, suite, kind)
        theirs = _rate(champion, suite, kind)[0] if champion else None
        found[f"{suite}:{kind}"] = Single(rate, n, champion=theirs)
    return found


def _rate(results: Sequence[Result], suite: str, kind: str) -> tuple[float, int]:
    mine = [item for item in results if (item.test.suite, item.test.kind) == (suite, kind)]
    n = sum(len(item.test.cases) for item in mine)
    return sum(item.failed for item in mine) / n, n


def _cases(spec: Mapping[str, Any], place: str) -> Iterator[Case]:
    """Yield the cases of a test; a change that leaves its text as it is makes none."""
    for text in [*spec.get("texts", ()), *_filled(spec, place)]:
        if spec["kind"] == "MFT":
            yield Case(text)
            continue
        changed = _changed(text, spec)
        if changed != text:
            yield Case(text, changed)


def _changed(text: str, spec: Mapping[str, Any]) -> str:
    for old, new in spec.get("replace", {}).items():
        text = text.replace(old, new)
    text = spec.get("prepend", "") + text + spec.get("append", "")
    return text.upper() if spec.get("upper") else text


def _filled(spec: Mapping[str, Any], place: str) -> Iterator[str]:
    """Yield a template with every combination of its words."""
    if "template" not in spec:
        return
    words = spec.get("fill", {})
    try:
        for values in itertools.product(*words.values()):
            yield spec["template"].format_map(dict(zip(words, values)))
    except (KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        raise UsageError(f"{place}: the template does not fit its fill: {error}") from None


def _run(test: Test, found: Mapping[str, Prediction]) -> Result:
    told = ((case, found[case.text], None if case.changed is None else found[case.changed])
            for case in test.cases)
    failed = [item for item in told if not _holds(test, *item[1:])]
    return Result(test, len(failed), tuple(_shown(*item) for item in failed[:SHOWN]))


def _holds(test: Test, before: Prediction, after: Prediction | None) -> bool:
    if after is None:
        return before.label == test.label
    if test.kind == "INV":
        return before.label == after.label
    assert test.label is not None
    change = after.scores.get(test.label, 0.0) - before.scores.get(test.label, 0.0)
    return change >= -test.tolerance if test.expect == "not_lower" else change <= test.tolerance


def _shown(case: Case, before: Prediction, after: Prediction | None) -> str:
    if after is None:
        return f"{case.text} -> {before.label}"
    return f"{case.text} -> {before.label}; {case.changed} -> {after.label}"
