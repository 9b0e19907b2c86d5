"""From log lines to the columns that a profile is made of. What a line lacks is no fault."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nlp_gitops.drift import embedder as embedders
from nlp_gitops.drift.embedder import Embedder, Seen
from nlp_gitops.drift.layout import NONE, Layout
from nlp_gitops.drift.logs import Faults, Line, hour_of
from nlp_gitops.drift.profile import UNTIMED, Lines

LANGUAGE_FIELDS = ("language", "lang")


def is_other(line: Line, model: str | None) -> bool:
    """Say whether no caller received this answer (a shadow's, a test's), or it is of another model.
    """
    return line.get("shadow") is True or (
        model is not None and line.get("model", model) != model)


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
