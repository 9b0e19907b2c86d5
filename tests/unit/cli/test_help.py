"""`nlp-gitops help`: the reference pages without a network, anywhere."""

import pytest
from runs_kit import command
from small import ROOT

from nlp_gitops.cli.main import main

TOPICS = {"drift", "findings", "gates", "model", "prompts", "registry", "serving", "site",
          "tracking", "workflows"}


def test_topics_are_listed_with_the_titles_of_their_pages(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, out = command(capsys, "help")

    found = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert code == 0 and found.keys() == TOPICS
    for topic, title in found.items():
        first = (ROOT / "docs" / "reference" / f"{topic}.md").read_text("utf-8").splitlines()[0]
        assert first == f"# {title}"


def test_a_page_is_printed_as_it_is(capsys):
    page = (ROOT / "docs" / "reference" / "gates.md").read_text(encoding="utf-8")

    assert command(capsys, "help", "gates") == (0, f"{page.rstrip()}\n")


def test_an_unknown_topic_is_one_line_with_those_that_there_are(capsys, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    with pytest.raises(SystemExit) as stop:
        main(["help", "gate"])

    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (2, "")
    assert said.err == f"error: no page 'gate'; there are {', '.join(sorted(TOPICS))}\n"
