"""Slices: which rows belong to which part."""

import pytest

from nlp_gitops.core.errors import NotMeasured
from nlp_gitops.evaluation.slices import fields, members

ROWS = [
    {"text": "short", "label": "a", "domain": "x", "stars": 1},
    {"text": "a long text with many words in it", "label": "a", "domain": "x", "stars": 5},
    {"text": "costs 20 euros", "label": "b", "domain": "y", "stars": 5},
    {"text": "a long text about 3 things and more", "label": "a", "domain": "y"},
]


@pytest.mark.parametrize("spec, parts", [
    ({"chars": {"lt": 6}}, {"s": [0]}),
    ({"chars": {"ge": 14, "le": 33}}, {"s": [1, 2]}),
    ({"words": {"gt": 3}}, {"s": [1, 3]}),
    ({"where": {"stars": 5}}, {"s": [1, 2]}),
    ({"by": "domain"}, {"s=x": [0, 1], "s=y": [2, 3]}),
    ({"by": "nothing"}, {}),
    ({"regex": r"\d"}, {"s": [2, 3]}),
    ({"regex": {"field": "domain", "match": "^y$"}}, {"s": [2, 3]}),
    ({"rare": {"below": 0.5}}, {"s": [2]}),
    ({"all": [{"words": {"gt": 3}}, {"regex": r"\d"}]}, {"s": [3]}),
    ({"all": [{"by": "domain"}, {"words": {"gt": 3}}]}, {"s=x": [1], "s=y": [3]}),
    ({"all": [{"words": {"gt": 99}}, {"words": {"gt": 3}}]}, {"s": []}),
])
def test_members(spec, parts):
    assert members(spec, "s", ROWS) == parts


def test_a_rule_on_text_is_not_measured_without_texts():
    with pytest.raises(NotMeasured, match="needs the field 'text'"):
        members({"chars": {"lt": 6}}, "s", [{"label": "a"}])


@pytest.mark.parametrize("spec, needed", [
    ({"by": "domain"}, {"domain"}), ({"rare": {"below": 0.1}}, set()),
    ({"all": [{"chars": {"lt": 1}}, {"where": {"stars": 1}}]}, {"text", "stars"})])
def test_fields_that_a_slice_looks_at(spec, needed):
    assert fields(spec) == needed


def test_rare_labels_may_be_numbers():
    rows = [{"label": 1}, {"label": 1}, {"label": 1}, {"label": 0}]

    assert members({"rare": {"below": 0.5}}, "s", rows) == {"s": [3]}
