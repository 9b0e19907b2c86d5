"""Write the starter data set: invented product reviews in three files.

Usage: python scripts/make_starter_data.py [--out DIR] [--check]

The rows are made from phrases of our own, so the data carries no licence and no personal data.
The same seed gives the same bytes everywhere: only random.Random is used, nothing is iterated
in hash order, and files are written with "\\n" line ends.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import starter_phrases as phrases
from starter_phrases import Domain, fix_articles, parts_of, with_typo

SEED = 20240615
ROWS = 6000
# Real annotators err, in one row or in a whole review. A third of slips hit the right label.
ROW_NOISE, REVIEW_NOISE = 0.01, 0.03
TYPO_RATE = 0.12
# How often single words mislead: these set the difficulty of the task.
FLIP_RATE = {"short": 0.18, "medium": 0.12, "long": 0.12}
CONTRAST_RATE = 0.3
SAME_LABEL_RATE = 0.85
# Details shared by the rows of one review; the reason why a split has to keep reviews together.
DETAIL_RATE = {"short": 0.5, "medium": 0.5, "long": 0.8}
REFRAIN_RATE = 0.5
SHORT_BELOW, LONG_FROM, MAX_CHARS = 60, 200, 520
LENGTHS = {"short": 0.34, "medium": 0.4, "long": 0.26}
LABELS = {"negative": 0.34, "neutral": 0.31, "positive": 0.35}
GROUP_SIZES = {"1": 0.15, "2": 0.3, "3": 0.3, "4": 0.25}
SHORT_LABELS = {"pos": "positive", "neg": "negative", "neu": "neutral"}
NEAR_DUPLICATE, SHINGLE = 0.8, 5
# Said of oneself or of the advert: it would sound wrong as another person's words.
PERSONAL = re.compile(r"\b(I|me|my|mine|we|us|our)\b|advert|but|bravo")
Row = dict[str, str]


def weighted(rng: random.Random, shares: dict[str, float]) -> str:
    # Own loop, because the algorithm behind Random.choices is not promised to stay the same.
    point = rng.random() * sum(shares.values())
    for key, share in shares.items():
        point -= share
        if point < 0:
            break
    return key


def normalised(text: str) -> str:
    # Stricter than NFKC + casefold + spaces: rows that differ in punctuation only are twins too.
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


class Review:
    """One group: a product, what is good, bad and plain about it, and rows that say so."""

    def __init__(self, rng: random.Random, domain: Domain, main: str, name: str) -> None:
        self.rng, self.domain, self.main = rng, domain, main
        noun = rng.choice(domain.lists["nouns"])
        self.full = f"{noun} {name}" if domain.name == "books" else f"{name} {noun}"
        self.values = {"noun": noun, "full": self.full, "dur": self.pick(phrases.DURATIONS),
                       "who": self.pick(phrases.PEOPLE), "where": self.pick(phrases.PLACES)}
        # A part is good or bad for the whole review, or its rows would contradict each other.
        order = rng.sample(list(domain.parts), len(domain.parts))
        others = [label for label in LABELS if label != main]
        self.parts = {main: order[:4], others[0]: order[4:7], others[1]: order[7:]}
        self.mentioned: list[str] = []
        self.titles: dict[str, str] = {}
        self.draft = ""

    def pick(self, text: str | Sequence[str]) -> str:
        return self.rng.choice(parts_of(text) if isinstance(text, str) else text)

    def fill(self, template: str, adjectives: dict[str, list[str]] | None = None) -> str:
        table = adjectives or phrases.ADJECTIVES

        def value(match: re.Match[str]) -> str:
            key = match[1]
            if key in self.values:
                return self.values[key]
            if key == "adv":
                return self.pick(phrases.ADVERBS)
            if key in ("fault", "virtue", "fact"):
                return self.pick(self.domain.lists[key + "s"])
            return self.pick(table[SHORT_LABELS[key]])

        return re.sub(r"\{(\w+)\}", value, template)

    def saying(self, part: str, label: str, quotable: bool = False) -> str:
        """What is said of one part; quotable when another person could have said it."""
        if not quotable and self.rng.random() < 0.3:
            verdict = self.pick(phrases.PART_VERDICTS[label])
            return f"the {part} {self.fill(verdict, phrases.PART_ADJECTIVES)}"
        options = self.domain.parts[part][label]
        if quotable:
            options = [option for option in options if not PERSONAL.search(option)] or options[:1]
        return f"the {part} {self.pick(options)}"

    def clause(self, label: str, flip_rate: float = 0.0) -> str:
        part = self.pick(self.parts[label])
        self.mentioned.append(part)
        if self.rng.random() >= flip_rate:
            return self.saying(part, label)
        opposite = {"negative": "positive", "positive": "negative"}.get(label)
        said = opposite or self.pick(["positive", "negative"])
        frames = phrases.FLIPS[label] if opposite else phrases.HEARSAY[said]
        return self.pick(frames).replace("{clause}", self.saying(part, said, quotable=True))

    def contrast(self, label: str) -> str:
        """Two halves that disagree; the second one carries the verdict unless they are even."""
        second = self.pick(["positive", "negative"]) if label == "neutral" else label
        first = "negative" if second == "positive" else "positive"
        frames = phrases.BALANCES if label == "neutral" else phrases.CONTRASTS
        return self.join(frames, self.clause(first), self.clause(second))

    def join(self, frames: str, first: str, second: str) -> str:
        text = self.pick(frames).replace("{a}", first).replace("{b}", second)
        return re.sub(r"(?<=[.?] )\w", lambda match: match[0].upper(), text)

    def unit(self, label: str, length: str) -> str:
        roll, own = self.rng.random(), label == self.main
        if roll < CONTRAST_RATE * 0.5:
            return self.contrast(label)
        if own and roll < CONTRAST_RATE * 0.5 + 0.12:
            return self.fill(self.pick(phrases.COMPARISONS[label]))
        if own and roll < CONTRAST_RATE * 0.5 + 0.22:
            return self.fill(self.pick(phrases.ASIDES[label]))
        if roll < 0.6:
            return self.join(phrases.JOINS, self.clause(label), self.clause(label))
        text = self.clause(label, FLIP_RATE[length])
        if self.rng.random() < 0.3 and text.startswith("the "):
            timeless = label == "neutral" or self.domain.name == "books"
            openers = phrases.TIMELESS_OPENERS if timeless else phrases.OPENERS
            return f"{self.fill(self.pick(openers))} {text}"
        return text

    def short(self, label: str) -> str:
        roll = self.rng.random()
        if label == self.main and roll < 0.52:
            return self.fill(self.pick((phrases.SHORT if roll < 0.45 else phrases.VERDICTS)[label]))
        if roll < 0.6:
            return self.contrast(label)
        text = self.clause(label, FLIP_RATE["short"])
        if text.startswith("the ") and self.rng.random() < DETAIL_RATE["short"]:
            return f"{self.full}: {text}"
        if text.startswith("the ") and self.rng.random() < 0.4:
            return text[4:]
        return text

    def sentences(self, label: str, length: str) -> Iterator[str]:
        own, count = label == self.main, 1 if length == "medium" else self.rng.randrange(2, 5)
        if self.rng.random() < (0.6 if length == "medium" else 0.9):
            yield self.fill(self.pick(phrases.INTROS))
        if self.rng.random() < 0.2:
            yield self.pick(self.domain.lists["uses"])
        if self.rng.random() < DETAIL_RATE[length]:
            yield self.fill(self.pick(phrases.DETAILS))
        for index in range(count):
            stray = index + 1 < count and self.rng.random() < CONTRAST_RATE
            yield self.clause(self.pick(list(LABELS))) if stray else self.unit(label, length)
        if label in self.titles and self.rng.random() < REFRAIN_RATE:
            yield f"{self.pick(['In short', 'To sum up', 'Once more'])}: {self.titles[label]}"
        elif own and self.rng.random() < 0.6:
            yield self.fill(self.pick(phrases.VERDICTS[label]))

    def text(self, label: str, length: str) -> str:
        self.mentioned = ["", ""]
        while len(set(self.mentioned)) < len(self.mentioned):  # nobody says a thing twice
            self.mentioned = []
            pieces = [self.short(label)] if length == "short" else [*self.sentences(label, length)]
        self.draft = pieces[0]
        for index, piece in enumerate(pieces):
            if index and piece.startswith("the ") and self.rng.random() < 0.25:
                piece = f"its {piece[4:]}"
            stop = "" if piece[-1] in ".?!" else "!" if self.rng.random() < 0.06 else "."
            pieces[index] = piece[:1].upper() + piece[1:] + stop
        text = fix_articles(" ".join(pieces))
        text = text.lower() if self.rng.random() < 0.07 else text
        return with_typo(self.rng, text) if self.rng.random() < TYPO_RATE else text


def length_of(text: str) -> str:
    return "short" if len(text) < SHORT_BELOW else "long" if len(text) >= LONG_FROM else "medium"


def shingles(text: str) -> set[tuple[str, ...]]:
    words = normalised(text).split()
    return {tuple(words[i:i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}


class NearIndex:
    """Finds rows of other reviews whose text is almost the same."""

    def __init__(self) -> None:
        self.where: dict[tuple[str, ...], list[tuple[str, str, int]]] = defaultdict(list)

    def add(self, row: Row) -> None:
        own = shingles(row["text"])
        for shingle in own:
            self.where[shingle].append((row["id"], row["group"], len(own)))

    def has_twin(self, row: Row) -> bool:
        own = shingles(row["text"])
        shared = Counter(entry for shingle in own for entry in self.where.get(shingle, ()))
        return any(both / (len(own) + size - both) >= NEAR_DUPLICATE
                   for (_, group, size), both in shared.items() if group != row["group"])


def make_rows(rng: random.Random) -> list[Row]:
    rows: list[Row] = []
    seen = {""}
    names = [first + second for first in phrases.NAME_FIRST for second in phrases.NAME_SECOND]
    rng.shuffle(names)
    index, group = NearIndex(), 0
    while len(rows) < ROWS:
        main = weighted(rng, LABELS)
        misread = rng.choice(list(LABELS)) if rng.random() < REVIEW_NOISE else ""
        review = Review(rng, phrases.DOMAINS[group % len(phrases.DOMAINS)], main, names.pop())
        group += 1
        size = int(weighted(rng, GROUP_SIZES))
        for _ in range(min(size, ROWS - len(rows))):
            label = main if rng.random() < SAME_LABEL_RATE else rng.choice(list(LABELS))
            length = weighted(rng, LENGTHS)
            row = {"id": f"r-{len(rows) + 1:05d}", "text": "", "label": label,
                   "domain": review.domain.name, "group": f"g-{group:05d}"}
            while (length_of(row["text"]) != length or len(row["text"]) > MAX_CHARS
                   or normalised(row["text"]) in seen or index.has_twin(row)):
                row["text"] = review.text(label, length)
            if length == "short" and ":" not in review.draft:
                review.titles[label] = phrases.lower_first(review.draft)
            seen.add(normalised(row["text"]))
            index.add(row)
            slip = rng.choice(list(LABELS)) if rng.random() < ROW_NOISE else label
            row["label"] = misread or slip
            rows.append(row)
    return rows


def split_rows(rows: list[Row], rng: random.Random) -> dict[str, list[Row]]:
    """Whole groups go to one split, in equal shares of each domain and leading label."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["group"]].append(row)
    strata: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, members in groups.items():
        leading = Counter(row["label"] for row in members).most_common(1)[0][0]
        strata[members[0]["domain"], leading].append(name)
    home: dict[str, str] = {}
    for key in sorted(strata):
        names = rng.sample(strata[key], len(strata[key]))
        total, done = sum(len(groups[name]) for name in names), 0.0
        for name in names:
            share = (done + len(groups[name]) / 2) / total
            home[name] = "test" if share < 0.1 else "valid" if share < 0.2 else "train"
            done += len(groups[name])
    return {split: [row for row in rows if home[row["group"]] == split]
            for split in ("train", "valid", "test")}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the starter data set.")
    root = Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=Path, default=root / "<<cookiecutter.project>>" / "data")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    args = parser.parse_args(argv)
    rng = random.Random(SEED)
    splits = split_rows(make_rows(rng), rng)
    for split, rows in splits.items():
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        path = args.out / f"{split}.jsonl"
        if not args.check:
            args.out.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif not path.is_file() or path.read_bytes() != content:
            print(f"{path.name} differs from what the script makes; run it without --check")
            return 1
    index = NearIndex()
    for row in splits["train"]:
        index.add(row)
    for split, rows in splits.items():
        counts = Counter(value for row in rows for value in
                         (row["label"], row["domain"], length_of(row["text"])))
        twins = sum(index.has_twin(row) for row in rows)
        listed = ", ".join(f"{key} {counts[key]}" for key in sorted(counts))
        print(f"{split}: {len(rows)} rows ({listed}); near duplicates in train: {twins}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
