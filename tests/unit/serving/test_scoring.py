"""Batch scoring: every text once, in whole parts, and only what is missing after a stop."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_gitops.core.errors import UsageError
from nlp_gitops.model import Prediction
from nlp_gitops.serving import scoring
from nlp_gitops.serving.scoring import Part, Task


class Sizes:
    """Labels a text by its length; stops when told to."""

    left = 10**9

    def predict(self, texts):
        Sizes.left -= len(texts)
        if Sizes.left < 0:
            raise KeyboardInterrupt
        return [Prediction("long" if len(text) > 5 else "short", {"long": 0.75, "short": 0.75})
                for text in texts]


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "_loaded", lambda kind, root, folder: Sizes())
    monkeypatch.setattr(scoring, "PART_BYTES", 100)
    monkeypatch.setattr(Sizes, "left", 10**9)
    return Task("model", "nlp.sizes:Sizes", str(tmp_path), str(tmp_path / "out"))


def rows(path, number):
    path.write_text("".join(json.dumps({"id": f"r-{index}", "text": "é" * (index % 9 + 1)}) + "\n"
                            for index in range(number)))
    return str(path)


def answers(task, parts):
    folder = scoring.Path(task.out)
    return [json.loads(line) for part in parts
            for line in (folder / part.name).read_text().splitlines()]


def test_every_text_is_scored_once_and_in_order(task, tmp_path):
    parts = scoring.plan([rows(tmp_path / "a.jsonl", 40)])

    found = scoring.score(task, "a" * 64, parts, map)

    assert len(parts) > 5 and (found["texts"], found["faulty"]) == (40, 0)
    assert answers(task, parts) == [
        {"id": f"r-{index}", "label": "long" if index % 9 >= 5 else "short", "score": 0.75}
        for index in range(40)]


def test_a_stopped_run_goes_on_where_it_was(task, tmp_path):
    parts = scoring.plan([rows(tmp_path / "a.jsonl", 40)])
    Sizes.left = 15
    with pytest.raises(KeyboardInterrupt):
        scoring.score(task, "a" * 64, parts, map)
    Sizes.left = 40 - 15 + 3

    found = scoring.score(task, "a" * 64, parts, map)

    assert found["texts"] == 40 and 0 < found["resumed"] < len(parts)
    assert [item["id"] for item in answers(task, parts)] == [f"r-{index}" for index in range(40)]


def test_output_of_other_texts_or_another_model_is_not_mixed(task, tmp_path):
    parts = scoring.plan([rows(tmp_path / "a.jsonl", 4)])
    scoring.score(task, "a" * 64, parts, map)

    for digest, other in (("b" * 64, parts), ("a" * 64, [Part(0, "b.jsonl", 0, None)])):
        with pytest.raises(UsageError, match="name a new folder"):
            scoring.score(task, digest, other, map)


def test_lines_without_text_are_told_with_their_place(task, tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(
        b'{"text": "fine"}\n\n{"text": 3}\n[\n{"text": "as fine", "id": 7}'))
    parts = scoring.plan([str(tmp_path)])

    found = scoring.score(task, "a" * 64, parts, map)

    assert (found["texts"], found["faulty"]) == (2, 2)
    assert [item["id"].rpartition(":")[2] for item in answers(task, parts)] == [
        "0", "18", "30", "32"]


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=30),
       st.integers(1, 50), st.booleans())
def test_any_cut_gives_every_line_once(tmp_path_factory, lines, size, ended):
    path = tmp_path_factory.mktemp("cut") / "a.jsonl"
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    total = path.stat().st_size
    cut = [Part(0, str(path), start, min(start + size, total)) for start in range(0, total, size)]

    found = [line for part in cut for block in scoring._blocks(part) for _, line in block]

    assert [line.rstrip(b"\n") for line in found] == [line for line in lines if line.strip()]
