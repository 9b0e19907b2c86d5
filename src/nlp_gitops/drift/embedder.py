"""The frozen embedder of one model version: where a text lies, and which of its words are known.

By default TF-IDF of words and a truncated SVD (latent semantic analysis), fitted on the training
rows. It splits texts itself, so a later change in `nlp/` cannot move it. A model that has an
attribute `embed` (n texts -> array (n, d)) is used instead; its words are counted all the same.
"""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nlp_gitops.core import files
from nlp_gitops.core.errors import UsageError

VERSION = 1
SIZE = 64
MOST_WORDS = 10_000
MOST_TEXTS = 50_000
# A word has to stand in so many training texts to be known.
LEAST_TEXTS = 2
# Scripts without spaces between words are split into characters.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W\u0e00-\u0e7f\u3040-\u30ff"
                   r"\u3400-\u9fff]+")
# What masking leaves: `[e-mail]`, and with a key `[e-mail:kfpbncam]`.
_MASKED = re.compile(r"\[(e-mail|phone|card|account|ip|id|key|password):[a-z]{10}\]")

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Embedder:
    """Known words with the number of training texts they stand in, of `texts` in all.

    `projection` (words, d) is float16; with `model` (a digest) the model's own `embed` is used.
    """

    words: tuple[str, ...]
    counts: np.ndarray
    texts: int
    projection: np.ndarray
    model: str | None = None
    embed: Embed | None = None

    @property
    def size(self) -> int:
        """Return d."""
        return self.projection.shape[1]

    @cached_property
    def sha256(self) -> str:
        """Return the digest of everything that decides where a text lies."""
        return files.sha256_bytes(to_bytes(self))

    @cached_property
    def index(self) -> dict[str, int]:
        """Return each known word's place."""
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def weights(self) -> np.ndarray:
        """Return (words, d): the projection times the words' inverse document frequency."""
        idf = np.log((1 + self.texts) / (1 + self.counts)) + 1
        return self.projection.astype(np.float32) * idf[:, None].astype(np.float32)


@dataclass(frozen=True)
class Seen:
    """What n texts look like: unit vectors (n, d), words and unknown words (n, 2), and in how many
    texts each known word stands (words,).
    """

    vectors: np.ndarray
    words: np.ndarray
    terms: np.ndarray


def split(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(_MASKED.sub(r"[\1]", text).casefold() if "[" in text else text.casefold())


def look(embedder: Embedder, texts: Sequence[str]) -> Seen:
    """Return what n texts look like."""
    get, size = embedder.index.get, len(embedder.words)
    places: list[int] = []
    words, known = [], []
    for text in texts:
        there = [*map(get, split(text))]
        words.append((len(there), there.count(None)))
        distinct = {place for place in there if place is not None}
        known.append(len(distinct))
        places += distinct
    flat = np.array(places, np.int64)
    terms = np.bincount(flat, minlength=size).astype(float)
    vectors = embedder.embed(texts) if embedder.embed else _projected(embedder, flat, known)
    vectors = np.asarray(vectors, float)
    if vectors.shape != (len(texts), embedder.size):
        raise UsageError(f"the model's `embed` gave an array of shape {vectors.shape}, not "
                         f"{(len(texts), embedder.size)}")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return Seen(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0),
                np.array(words, float).reshape(-1, 2), terms)


def _projected(embedder: Embedder, places: np.ndarray, known: Sequence[int]) -> np.ndarray:
    """Return the sum of each text's word vectors; its length does not matter."""
    from scipy.sparse import csr_matrix

    there = csr_matrix((np.ones(len(places), np.float32), places, np.cumsum([0, *known])),
                       (len(known), len(embedder.words)))
    return there @ embedder.weights


def features(vectors: np.ndarray, number: int) -> np.ndarray:
    """Return random Fourier features (n, number) of unit vectors, for a Gaussian kernel of width 1.

    Always the same ones (Rahimi and Recht 2007); `number` is even, 0 gives none.
    """
    directions = np.random.default_rng(0).standard_normal((vectors.shape[1], number // 2))
    angles = vectors @ directions
    return np.hstack([np.cos(angles), np.sin(angles)]) / np.sqrt(max(number // 2, 1))


def fit(texts: Sequence[str], model: str | None = None, embed: Embed | None = None) -> Embedder:
    """Fit the embedder on training texts (at most 50,000 of them); deterministic."""
    texts = texts[::max(1, -(-len(texts) // MOST_TEXTS))]
    rows = [set(split(text)) for text in texts]
    counts = Counter(word for row in rows for word in row)
    known = sorted((word for word, count in counts.items() if count >= LEAST_TEXTS),
                   key=lambda word: (-counts[word], word))[:MOST_WORDS]
    numbers = np.array([counts[word] for word in known], np.int64)
    plain = Embedder(tuple(known), numbers, len(texts), np.zeros((len(known), 0), np.float16))
    if embed:
        size = np.asarray(embed(texts[:1])).shape[1]
        return Embedder(plain.words, numbers, len(texts), np.zeros((0, size), np.float16), model,
                        embed)
    return Embedder(plain.words, numbers, len(texts), _axes(plain, rows))


def _axes(plain: Embedder, rows: Sequence[set[str]]) -> np.ndarray:
    """Return the leading right singular vectors of the TF-IDF matrix (words, d)."""
    from scipy.sparse import csr_matrix
    from sklearn.preprocessing import normalize
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    size = min(SIZE, len(plain.words) - 1, len(rows) - 1)
    if size < 1:
        return np.zeros((len(plain.words), 0), np.float16)
    places = [sorted(plain.index[word] for word in row if word in plain.index) for row in rows]
    idf = np.log((1 + plain.texts) / (1 + plain.counts)) + 1
    flat = np.array([place for row in places for place in row], np.int64)
    matrix = normalize(csr_matrix((idf[flat], flat, np.cumsum([0, *map(len, places)])),
                                  (len(rows), len(plain.words))))
    # One thread: with several, sums round differently and the bytes depend on the machine.
    with threadpool_limits(1):
        axes = randomized_svd(matrix, size, random_state=0)[2]
    return axes.T.astype(np.float16)


def to_bytes(embedder: Embedder) -> bytes:
    """Return the embedder as bytes, the same for equal ones: a line of JSON, then two arrays."""
    about = {"version": VERSION, "words": list(embedder.words), "texts": embedder.texts,
             "size": embedder.size, "model": embedder.model}
    buffer = io.BytesIO(json.dumps(about, sort_keys=True).encode() + b"\n")
    buffer.seek(0, io.SEEK_END)
    np.save(buffer, embedder.counts.astype("<i8"), allow_pickle=False)
    np.save(buffer, embedder.projection.astype("<f2"), allow_pickle=False)
    return buffer.getvalue()


def from_bytes(data: bytes, where: str, embed: Embed | None = None) -> Embedder:
    """Read an embedder; raise UsageError if the bytes are none."""
    stream = io.BytesIO(data)
    try:
        about = json.loads(stream.readline())
        if about["version"] != VERSION:
            raise ValueError(f"version {about['version']}; this one reads {VERSION}")
        counts, projection = (np.load(stream, allow_pickle=False) for _ in range(2))
        return Embedder(tuple(about["words"]), counts, about["texts"], projection, about["model"],
                        embed)
    except (KeyError, TypeError, ValueError, EOFError) as error:
        raise UsageError(f"{where}: this is no embedder: {error}") from None
