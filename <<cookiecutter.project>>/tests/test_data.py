"""What must hold of the rows; data/dataset.yaml says the rest, and `make schema` checks it."""

from collections import Counter

import pytest

from nlp_gitops import testing
from nlp_gitops.core.project import load_project

SPLITS = ("train", "valid", "test")


@pytest.mark.parametrize("split", SPLITS)
def test_every_label_has_rows_in_every_split(split):
    counts = Counter(row["label"] for row in testing.rows(split))

    assert set(counts) == {row["label"] for row in testing.rows("train")}
    assert min(counts.values()) >= 30


def test_no_text_of_the_test_split_was_trained_on():
    trained = {row["text"] for row in testing.rows("train")}

    assert not [row["id"] for row in testing.rows("test") if row["text"] in trained]


def test_every_slice_of_project_yaml_is_a_field_of_the_rows():
    for name in load_project().drift.slices:
        assert all(name in row for row in testing.rows("test"))
