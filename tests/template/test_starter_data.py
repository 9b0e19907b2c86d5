"""The starter data are what their script writes."""

import json
import sys
from collections import Counter

from baking import ROOT, TEMPLATE, run


def test_the_committed_rows_are_reproducible():
    run(sys.executable, "scripts/make_starter_data.py", "--check", cwd=ROOT)


def test_there_are_6000_rows_in_three_splits_by_group():
    splits = {name: [json.loads(line) for line in
                     (TEMPLATE / "data" / f"{name}.jsonl").read_text("utf-8").splitlines()]
              for name in ("train", "valid", "test")}
    rows = [row for part in splits.values() for row in part]
    groups = Counter(group for part in splits.values() for group in {row["group"] for row in part})

    assert len(rows) == 6000
    assert set(groups.values()) == {1}
    assert {row["label"] for row in rows} == {"negative", "neutral", "positive"}
    assert len({row["domain"] for row in rows}) >= 5
