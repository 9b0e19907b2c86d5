"""What a profile counts: from log lines to columns, and where each count stands in a vector.

A block is one hour of one slice. Everything known about it is a sum over its lines, so it is one
vector of float64, and merging is addition.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError
from nlp_gitops.drift import embedder as embedders
from nlp_gitops.drift.embedder import Embedder, Seen
from nlp_gitops.drift.logs import Faults, Line, hour_of

# The hour of lines that carry no time, such as rows of a data set.
UNTIMED = -1
LAYOUT_SCHEMA = "nlp-gitops/drift-layout/1"
OTHER = "(other)"
NONE = "(none)"
SCORE_BINS = 50
# Half powers of two: 1, 1.4, 2 … 65,536 characters.
LENGTH_EDGES = 2.0 ** (np.arange(0, 33) / 2)
# A tenth more each: 0.1 ms to about a minute.
LATENCY_EDGES = 0.1 * 1.1 ** np.arange(0, 141)
# Texts, their words, unknown words, and the squares and the product of the two numbers.
WORD_SUMS = 6
LANGUAGE_FIELDS = ("language", "lang")


@dataclass(frozen=True)
class Layout:
    """Names of labels, languages and slices, and size and digest of the embedder.

    Two profiles can be compared only if their layouts are equal. `slices` holds fields of a line
    with their known values. Unknown labels, languages and values are counted together as others.
    `size` is that of an embedding, `features` the number of random Fourier features of it (0: off).
    """

    labels: tuple[str, ...]
    languages: tuple[str, ...] = ()
    slices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    embedder: str | None = None
    size: int = 0
    features: int = 0

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Return where each group of counts stands."""
        widths = {
            "rows": 1, "label": len(self.labels) + 1, "score": SCORE_BINS,
            "length": len(LENGTH_EDGES) + 1, "language": len(self.languages) + 2,
            "requests": 1, "refused": 1, "failed": 1, "latency": len(LATENCY_EDGES) + 1,
            "prompt_tokens": 1, "completion_tokens": 1, "judged": SCORE_BINS, "right": SCORE_BINS,
            "words": WORD_SUMS, "embedded": 1, "squares": 1, "embedding": self.size,
            "features": self.features}
        found, start = {}, 0
        for name, width in widths.items():
            found[name] = slice(start, start + width)
            start += width
        return found

    @cached_property
    def width(self) -> int:
        """Return the length of a block's vector."""
        return self.columns["features"].stop

    @property
    def vector(self) -> int:
        """Return the length of a line's embedding and features together."""
        return self.size + self.features

    @property
    def slice_names(self) -> tuple[str, ...]:
        """Return every slice, `all` first."""
        return ("all", *(f"{field}={value}" for field, values in self.slices
                         for value in (*values, OTHER)))

    @property
    def sha256(self) -> str:
        """Return the digest that says whether profiles can be compared."""
        return files.sha256_text(repr(self.record()))

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"schema": LAYOUT_SCHEMA, "labels": list(self.labels),
                "languages": list(self.languages),
                "slices": [[field, list(values)] for field, values in self.slices],
                "embedder": self.embedder, "size": self.size, "features": self.features}


def from_record(record: Any) -> Layout:
    """Return a layout from plain data; raise UsageError for any other form."""
    try:
        if record["schema"] != LAYOUT_SCHEMA:
            raise UsageError(f"a profile of the form {record['schema']!r}; this version reads "
                             f"{LAYOUT_SCHEMA}")
        return Layout(tuple(map(str, record["labels"])), tuple(map(str, record["languages"])),
                      tuple((str(field), tuple(map(str, values)))
                            for field, values in record["slices"]),
                      record["embedder"], int(record["size"]), int(record["features"]))
    except (KeyError, TypeError, ValueError):
        raise UsageError("this is no layout of a drift profile") from None


def is_other(line: Line, model: str | None) -> bool:
    """Say whether no caller received this answer (a shadow's, a test's), or it is of another model.
    """
    return line.get("shadow") is True or (
        model is not None and line.get("model", model) != model)


@dataclass(frozen=True)
class Lines:
    """n log lines as columns. Where a line does not say, an index is -1 and a number is NaN.

    `hours` since 1970; `slices` has a row for each slice field, with the index of the value;
    `first` marks one line of each request; `vectors` (n, d) holds embedding and features, NaN for a
    line without a text;
    `words` (n, 2) counts words and unknown ones; `right` is 1, 0, or NaN without a gold label.
    """

    hours: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    characters: np.ndarray
    languages: np.ndarray
    slices: np.ndarray
    first: np.ndarray
    status: np.ndarray
    latency: np.ndarray
    tokens: np.ndarray
    right: np.ndarray
    words: np.ndarray
    vectors: np.ndarray
    terms: np.ndarray


@dataclass
class Reader:
    """Turns lines into columns by a layout; remembers what it has looked up.

    `hours` since 1970, the last one excluded, are the window; without it every time is in it.
    """

    layout: Layout
    embedder: Embedder | None
    model: str | None = None
    gold: Callable[[Line], str | None] | None = None
    hours: tuple[int, int] | None = None
    others: int = 0
    _hours: dict[str, int] = field(default_factory=dict)

    @cached_property
    def _fields(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.layout.slices)

    def own(self, found: Sequence[tuple[Line, int]]) -> list[tuple[Line, int]]:
        """Return the lines that callers got from this model in the window; count the others."""
        mine = [item for item in found if not is_other(item[0], self.model)]
        self.others += len(found) - len(mine)
        return [item for item in mine if self._is_within(item[0])] if self.hours else mine

    def _is_within(self, line: Line) -> bool:
        if line.get("at") is None or self.hours is None:
            return False
        try:
            hour = hour_of(line["at"], self._hours)
        except (ValueError, OverflowError):
            # `columns` says what is wrong with it.
            return True
        return self.hours[0] <= hour < self.hours[1]

    def columns(self, found: Sequence[tuple[Line, int]], where: str, faults: Faults) -> Lines:
        """Return the columns of some lines; wrong ones go into `faults`."""
        rows = []
        for line, number in found:
            try:
                rows.append(self._row(line))
            except (ValueError, TypeError, OverflowError) as error:
                faults.add(where, number, f"not a prediction: {error}")
        return self._lines(rows)

    def _row(self, line: Line) -> tuple[Any, ...]:
        label, text, given = line.get("label"), line.get("text"), line.get("fields")
        score, status = line.get("score"), line.get("status", 200)
        latency, characters = line.get("latency_ms"), line.get("characters")
        if label is not None and type(label) is not str:
            raise ValueError("`label` is no text")
        if score is not None and not 0 <= score <= 1.000001:
            raise ValueError("`score` is not between 0 and 1")
        if latency is not None and not 0 <= latency < 1e9:
            raise ValueError("`latency_ms` is no time in milliseconds")
        if type(status) is not int:
            raise ValueError("`status` is no number")
        if text is not None and type(text) is not str:
            raise ValueError("`text` is no text")
        if characters is None:
            characters = -1 if text is None else len(text)
        elif type(characters) is not int or characters < 0:
            raise ValueError("`characters` is no number")
        prompt, completion = line.get("prompt_tokens", 0), line.get("completion_tokens", 0)
        if not (type(prompt) is type(completion) is int and 0 <= prompt + completion < 1e9):
            raise ValueError("`prompt_tokens` and `completion_tokens` are no numbers of tokens")
        given = given if type(given) is dict else line
        at = line.get("at")
        hour = UNTIMED if at is None else hour_of(at, self._hours)
        right = np.nan
        if self.gold and label is not None and (gold := self.gold(line)) is not None:
            right = float(gold == label)
        language = given.get("language") or given.get("lang") or NONE
        return (hour, label, score, characters, language,
                [given.get(name) for name in self._fields], not line.get("row"), status,
                latency, prompt, completion, right, text)

    def _lines(self, rows: Sequence[tuple[Any, ...]]) -> Lines:
        layout, count = self.layout, len(rows)
        (hours, labels, scores, characters, languages, values, first, status, latency, prompt,
         completion, right, texts) = zip(*rows) if rows else ((),) * 13
        seen = self._seen(texts)
        vectors = np.full((count, layout.vector), np.nan)
        words = np.zeros((count, 2))
        there = [place for place, text in enumerate(texts) if text is not None]
        if seen is not None:
            vectors[there] = np.hstack([seen.vectors, embedders.features(
                seen.vectors, layout.features)])
            words[there] = seen.words
        by_field = list(zip(*values)) if values and layout.slices else [()] * len(layout.slices)
        return Lines(
            hours=np.array(hours, np.int64),
            labels=np.where([label is None for label in labels], -1,
                            _places(labels, layout.labels)) if count else np.zeros(0, np.int64),
            scores=_numbers(scores), characters=np.array(characters, np.int64),
            languages=_places(languages, (NONE, *layout.languages)),
            slices=np.array([_values(column, known) for column, (_, known) in
                             zip(by_field, layout.slices, strict=True)], np.int64).reshape(
                                 len(layout.slices), count),
            first=np.array(first, bool), status=np.array(status, np.int64),
            latency=_numbers(latency),
            tokens=np.array([_numbers(prompt), _numbers(completion)]).T.reshape(count, 2),
            right=np.array(right, float), words=words, vectors=vectors,
            terms=seen.terms if seen is not None else np.zeros(0))

    def _seen(self, texts: Sequence[str | None]) -> Seen | None:
        there = [text for text in texts if text is not None]
        if self.embedder is None:
            return None
        return embedders.look(self.embedder, there)


def _numbers(values: Sequence[Any]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], float)


def _places(values: Sequence[Any], known: Sequence[str]) -> np.ndarray:
    """Return each value's place among the known ones; behind the last for any other."""
    index = {name: place for place, name in enumerate(known)}
    return np.array([index.get(value, len(known)) if type(value) is str else len(known)
                     for value in values], np.int64)


def _values(values: Sequence[Any], known: Sequence[str]) -> np.ndarray:
    """Return each value's place; behind the last for another, -1 where there is none."""
    index = {name: place for place, name in enumerate(known)}
    return np.array([-1 if value is None else index.get(str(value), len(known))
                     for value in values], np.int64)
