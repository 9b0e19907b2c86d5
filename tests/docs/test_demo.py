"""The parts of `make demo` that can be tried without a network."""

import io
import sys
import tarfile

import pytest
from baking import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import fetch_reviews  # noqa: E402


def archive(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for stem in fetch_reviews.FILES:
            content = files.get(stem, "").encode()
            info = tarfile.TarInfo(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def test_mean_ratings_become_labels_and_sentences_of_a_review_one_group():
    inner = archive({"amazonReviewSnippets": "1_1\t-0.5\tbad.\n1_2\t0.49\tso so.\n2_1\t0.5\tgood."})

    rows = list(fetch_reviews.rows(inner))

    assert [row["label"] for row in rows] == ["negative", "neutral", "positive"]
    assert [row["group"] for row in rows] == ["product_review-1", "product_review-1",
                                              "product_review-2"]


def test_without_a_network_the_reason_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(fetch_reviews.Unavailable) as error:
        fetch_reviews.fetch(tmp_path / "reviews.jsonl")

    assert "\n" not in str(error.value)
    assert not (tmp_path / "reviews.jsonl").exists()
