"""Cards: what people wrote survives every renewal, and the hub's own library reads the keys."""

import json
import re
from pathlib import Path

import pytest
import tiny_registry as tiny
from huggingface_hub import DatasetCard, ModelCard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from runs_kit import command
from small import HERE

from nlp_gitops.core import card_text
from nlp_gitops.core.card_text import Block
from nlp_gitops.core.errors import UsageError
from nlp_gitops.gates import data_card
from nlp_gitops.registry import model_card

BLOCK = Block("<!-- facts: begin -->", "<!-- facts: end -->", "## Facts")
# The hub's specification: modelcard.md of github.com/huggingface/hub-docs.
SPECIFIED = {"language", "license", "license_name", "license_link", "library_name", "tags",
             "datasets", "metrics", "base_model", "model-index", "pipeline_tag"}
PROSE = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), include_characters="\n"))
NEAR = st.lists(st.one_of(PROSE, st.sampled_from([BLOCK.begin, BLOCK.end, "---\n", "\n---\n"]))
                ).map("".join)


def manifest(**changes):
    """Return the manifest of a packed model."""
    return {"name": "m", "description": "A tiny model.", "task": "text-classification",
            "language": "pt-BR", "license": "Apache-2.0", "owner": "tests",
            "dataset_version": "rows-v1.2.0", "dataset_license": "CC-BY-4.0",
            "dataset_rows": {"train": 4000, "test": 30}, "prompt_version": "n/a", "prompt": None,
            "source_commit": "c" * 40, "run": "tiny", "tags": {"team": "search"},
            "labels": ["bad", "good"], "params": {"class": "words", "file_format": "json"},
            "metrics": tiny.METRICS, "artifacts": [{"name": "m.tar"}], **changes}


REPORT = {"verdict": "WARN", "gates": [{"verdict": "PASS"}, {"verdict": "WARN"}], "slices": [
    {"name": "domain=a|b", "value": 0.7, "interval": [0.6, 0.8], "bound": 0.65, "n": 12},
    {"name": "odd", "value": None, "n": 0}]}


def read(text):
    """Return a card as the hub's library reads it."""
    return ModelCard(text).data


# What people wrote


@given(NEAR, NEAR, PROSE, PROSE)
@example(BLOCK.begin, "", "old", "new")
@example(BLOCK.end, BLOCK.end, "old", "new")
def test_text_around_a_block_survives_every_renewal(before, after, old, new):
    card = f"{before}{BLOCK.begin}\n{old}\n{BLOCK.end}{after}"

    renewed = BLOCK.written(card, new)

    block = f"{BLOCK.begin}\n{new}\n{BLOCK.end}"
    assert any(_only_a_block_left(card, renewed[:found.start()], renewed[found.end():])
               for found in re.finditer(re.escape(block), renewed))


def _only_a_block_left(card, before, after):
    """Say whether a card is `before`, one block with no other comment of ours in it, `after`."""
    left = card[len(before):len(card) - len(after)]
    return (before + left + after == card and left.startswith(BLOCK.begin)
            and left.endswith(BLOCK.end) and left.count(BLOCK.begin) == left.count(BLOCK.end) == 1)


@given(NEAR, PROSE, PROSE)
def test_a_card_without_a_block_gets_one_below_its_text(text, first, second):
    text = text.replace(BLOCK.begin, "")
    written = BLOCK.written(text, first)
    block = f"{BLOCK.begin}\n{first}\n{BLOCK.end}\n"

    again = BLOCK.written(written, second)

    assert written.startswith(text.rstrip("\n")) and written.endswith(block)
    assert again == f"{written.removesuffix(block)}{BLOCK.begin}\n{second}\n{BLOCK.end}\n"


@given(NEAR, st.dictionaries(st.sampled_from(["tags", "thumbnail", "license", "co2"]),
                             st.one_of(PROSE, st.lists(PROSE), st.dictionaries(PROSE, PROSE))))
@settings(max_examples=60)
def test_keys_and_text_of_people_survive_every_renewal(body, own):
    front = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n"
                    for key, value in own.items())
    wanted = {"license": "mit", "model-index": [{"name": "m", "results": [{"a": 1}, {"a": 1}]}]}

    text = card_text.with_keys(f"---\n{front}---\n{body}", wanted)

    assert text.endswith(f"---\n{body}")
    assert card_text.keys_of(text) == {**own, **wanted}
    assert card_text.with_keys(text, wanted) == text


def test_front_matter_over_several_lines_keeps_what_is_not_ours():
    text = "---\n# why\nlicense:\n  mit\ntags:\n- a\n- b\nthumbnail: x\n---\nwords\n"

    renewed = card_text.with_keys(text, {"license": "isc", "license_name": None})

    assert renewed == "---\n# why\nlicense: \"isc\"\ntags:\n- a\n- b\nthumbnail: x\n---\nwords\n"


def test_a_card_whose_front_matter_is_no_map_is_refused_with_its_place(tmp_path):
    path = tmp_path / "m.md"
    path.write_text("---\njust words\n---\n# Mine\n")

    with pytest.raises(UsageError, match="m.md: its front matter"):
        model_card.render(path, manifest(), REPORT)


# The hub's keys


@pytest.mark.parametrize("spdx, keys", [
    ("Apache-2.0", ("apache-2.0", None)), ("GPL-3.0-only", ("gpl-3.0", None)),
    ("internal", ("other", "internal")), ("MIT OR Apache-2.0", ("other", "mit-or-apache-2.0")),
    (None, ("unknown", None))])
def test_a_licence_is_one_that_the_hub_knows_or_other_with_its_name(spdx, keys):
    assert tuple(card_text.license_keys(spdx).values()) == keys


def test_the_hubs_library_reads_a_model_card(tmp_path):
    text = model_card.render(tmp_path / "none.md", manifest(), REPORT)

    data = read(text)

    assert set(card_text.keys_of(text)) <= SPECIFIED
    assert (data.language, data.license, data.pipeline_tag) == (
        ["pt"], "apache-2.0", "text-classification")
    assert (data.datasets, data.metrics) == (["rows"], ["f1", "accuracy"])
    assert [(item.dataset_type, item.dataset_revision, item.dataset_split, item.metric_type,
             item.metric_value) for item in data.eval_results] == [
        ("rows", "v1.2.0", "test", "f1", 0.9), ("rows", "v1.2.0", "test", "accuracy", 0.9)]


def test_the_hubs_library_reads_the_starter_data_card():
    text = (HERE / "data" / "README.md").read_text(encoding="utf-8")

    data = DatasetCard(text).data

    assert (data.license, data.language, data.task_categories) == (
        "cc0-1.0", ["en"], ["text-classification"])


# Facts


def test_a_card_tells_slices_gates_and_where_the_model_comes_from(tmp_path):
    text = model_card.render(tmp_path / "none.md", manifest(), REPORT)

    assert "| domain=a\\|b | 0.700 | 0.600 to 0.800 | 0.650 | 12 |" in text
    assert "| odd | – | – | – | 0 |" in text
    assert "Gate: WARN, 2 rules judged, 1 passed" in text
    assert "rows-v1.2.0, 4,000 train, 30 test" in text and "of the data: CC-BY-4.0" in text
    assert "- Prompt: none" in text and "- Tags: team=search" in text


def test_a_prompts_card_names_its_digest_and_who_answers(tmp_path):
    text = model_card.render(tmp_path / "none.md", manifest(
        task="prompt-classification", prompt_version="ask-v0.3.1",
        prompt={"name": "ask", "version": "0.3.1", "sha256": "5" * 64},
        provider={"provider": "openai", "model": "small-1"}), REPORT)

    assert f"- Prompt: ask-v0.3.1, sha256 `{'5' * 64}`, answered by openai small-1" in text
    assert read(text).pipeline_tag == "text-classification"


def test_text_of_a_manifest_cannot_end_the_block(tmp_path):
    hostile = manifest(description=f"x {model_card.FACTS.end} <script>", labels=["a`|", "b"])
    path = tmp_path / "m.md"

    path.write_text(model_card.render(path, hostile, REPORT))

    assert model_card.render(path, manifest(), REPORT) == model_card.render(
        tmp_path / "none.md", manifest(), REPORT)


# Packing, and the command


def test_the_shipped_card_is_the_one_that_a_new_model_gets(tmp_path):
    [shipped] = (HERE / "docs" / "cards").glob("*.md")

    assert model_card.render(shipped, manifest(), REPORT) == model_card.render(
        tmp_path / "none.md", manifest(), REPORT)


def test_packing_takes_what_the_team_wrote(tmp_path):
    work = tmp_path / tiny.files.sha256_text("w")[:12]
    source = model_card.source(work, "m")
    source.parent.mkdir(parents=True)
    source.write_text("# Ours\n\n## Not for\n\nMedical texts.\n")

    package = tiny.packed(tmp_path, "w")

    card = (package.folder / "MODEL_CARD.md").read_text()
    assert "# Ours\n\n## Not for\n\nMedical texts." in card
    assert read(card).license == "other" and "macro-F1 0.900" in card
    assert model_card.unwritten(card) == []


@pytest.fixture
def packed(project):
    """A repository with one packed model, small."""
    folder = tiny.packed(project.root, "w", name="small").folder
    (project.root / "dist").mkdir()
    folder.rename(project.root / "dist" / "small")
    return project


def test_make_card_renews_both_cards_and_says_what_is_unwritten(packed, capsys):
    path = Path("docs/cards/small.md")
    path.parent.mkdir(parents=True)
    path.write_text("# Ours\n\n## Not for\n\nNot written yet.\n")

    code, told = command(capsys, "card")

    assert code == 0 and told.splitlines()[-1].endswith(
        "small.md about run tiny (not registered; in production: none); still to be written: "
        "Not for")
    assert path.read_text().startswith("---\n") and "**small**: A tiny model." in path.read_text()
    assert "| domain=d0 | 45 | 9 | 15 |" in Path("data/README.md").read_text()
    assert command(capsys, "card")[0] == 0


def test_make_card_says_which_version_it_tells_of_after_a_rollback(packed, tmp_path, capsys):
    bare = tiny.origin(tmp_path / "registry")
    tiny.git(packed.root, "remote", "add", "origin", str(bare))
    registry = tiny.connected(packed.root, tmp_path / "registry" / "origin-artifacts")
    for number, content in enumerate(("before", "w")):
        tiny.register(registry, tmp_path, content, name="small")
        tiny.promote(registry, f"small@v1.0.{number}", "production")
    tiny.operations.rollback(registry, "small", "wrong labels")

    card = json.loads(command(capsys, "card", "--registry", "origin", "--json")[1])["cards"][1]

    assert (card["run"], card["version"], card["production"]) == (
        "tiny", "small@v1.0.1", "small@v1.0.0")


def test_a_data_card_says_whether_personal_data_was_looked_for(packed):
    text = Path("data/dataset.yaml").read_text()
    assert "were not searched" in data_card.write(packed).read_text()

    Path("data/dataset.yaml").write_text(text + "quality_checks: {pii: warn}\n")
    rows = Path("data/train.jsonl")
    rows.write_text(rows.read_text().replace("The kettle", "Ask zoe@corp-mail.com: the kettle", 1))

    assert "found 1 texts" in data_card.write(packed).read_text()


def test_without_a_packed_model_there_is_nothing_to_tell(project, capsys):
    with pytest.raises(Exception, match="no packed model") as error:
        command(capsys, "card")

    assert error.value.exit_code == 3
    assert not Path("docs").exists()
