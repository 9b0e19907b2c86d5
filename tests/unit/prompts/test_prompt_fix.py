"""check_prompts.py --fix: an edit becomes a new version, and nothing is lost."""

from pathlib import Path

import pytest
from prompt_kit import BRIEF, GOOD, changed, codes, commit, found, put, put_dataset

from nlp_gitops import prompts
from nlp_gitops.cli.check_prompts import main
from nlp_gitops.core.errors import Conflict, UserError
from nlp_gitops.prompts import fix
from nlp_gitops.prompts.report import check

pytest_plugins = ["prompt_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")


def test_fix_writes_the_edit_as_a_new_version_and_puts_the_old_one_back(capsys):
    path = put(GOOD)
    put_dataset("bad, good")
    commit()
    edited = changed("{{ format }}", "{{ format }}\nBe brief.")
    path.write_text(edited)

    assert main(["prompts", "--fix"]) == 0

    new = path.with_name("prompt_v1.1.0.txt")
    assert path.read_text() == GOOD
    assert new.read_text() == edited.replace("version: 1.0.0", "version: 1.1.0").replace(
        "changelog:\n", 'changelog:\n  "1.1.0": "TODO: body changed"\n')
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "wrote prompts/mood/prompt_v1.1.0.txt (body changed)",
        "restored prompts/mood/prompt_v1.0.0.txt as it is at the base"]
    assert said.out.splitlines()[-1] == "PROMPTS: WARN 1 warning"
    assert sorted(item.name for item in path.parent.iterdir()) == [path.name, new.name]


@pytest.mark.parametrize("text", [
    GOOD, BRIEF,
    changed("changelog:\n  1.0.0: first", 'changelog: {"1.0.0": first}'),
    changed("changelog:\n  1.0.0: first", "changelog: {\n  1.0.0: first\n  }"),
    changed("changelog:\n  1.0.0: first\n", ""),
    changed("version: 1.0.0", '"version" : "1.0.0"  # why'),
    "---\n  version: 1.0.0\n  goal: g\n  format: {a: string}\n---\nhi",
], ids=["block", "brief", "flow", "flow lines", "none", "quoted", "indented"])
def test_fix_edits_any_usual_header(text):
    version = "0.3.1" if text is BRIEF else "1.0.0"
    path = put(text, version)
    commit()
    path.write_text(text.replace("goal: ", "goal: Please. "))
    list(fix.fix(check(Path("prompts")).histories))
    assert path.read_text() == text
    assert not [f for f in check(Path("prompts")).findings if f.severity == "error"]
    assert len(prompts.versions(Path("prompts"), "mood")) == 2


def test_fix_says_where_a_header_must_be_edited_by_hand():
    text = '{"version": "1.0.0", "goal": "g", "format": {"a": "string"}}'
    path = put(text)
    commit()
    path.write_text(text.replace('"g"', '"h"'))
    with pytest.raises(UserError, match="by hand"):
        main(["prompts", "--fix"])
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_fix_overwrites_nothing():
    path = put(GOOD)
    commit()
    path.with_name("prompt_v1.1.0.txt").mkdir()
    path.write_text(changed("Say", "Tell"))
    with pytest.raises(Conflict, match="exists already"):
        main(["prompts", "--fix"])
    assert path.read_text() == changed("Say", "Tell")


def test_fix_raises_a_new_version_that_is_too_low_and_moves_its_changelog():
    put(GOOD)
    commit()
    low = put(changed("Say", "Tell").replace("1.0.0", "1.0.1"), "1.0.1")
    list(fix.fix(check(Path("prompts")).histories))
    assert not low.exists()
    assert prompts.current(Path("prompts"), "mood").changelog == {"1.1.0": "first"}
    assert codes() == []


def test_fix_puts_back_what_was_renamed_away():
    path = put(GOOD)
    commit()
    path.unlink()
    put(GOOD.replace("1.0.0", "1.1.0"), "1.1.0")
    list(fix.fix(check(Path("prompts")).histories))
    assert path.read_text() == GOOD and codes() == []


def test_fix_never_mixes_an_edit_with_a_removed_version():
    old = put(GOOD)
    new = put(changed("Say", "Tell").replace("1.0.0", "1.1.0"), "1.1.0")
    commit()
    new.unlink()
    old.write_text(changed("Say", "Write"))
    list(fix.fix(check(Path("prompts")).histories))
    assert "Tell" in new.read_text() and "Write" in old.read_text()
    assert codes() == ["P040"]


def test_fix_keeps_a_higher_version_that_was_chosen_in_place():
    path = put(GOOD)
    commit()
    path.write_text(GOOD.replace("1.0.0", "3.0.0").replace("Say", "Tell"))
    list(fix.fix(check(Path("prompts")).histories))
    assert path.read_text() == GOOD and codes() == []
    assert str(prompts.current(Path("prompts"), "mood").version) == "3.0.0"


def test_fix_finishes_what_a_crash_left_half(monkeypatch):
    path = put(GOOD)
    commit()
    path.write_text(changed("Say", "Tell"))
    with monkeypatch.context() as patch:
        patch.setattr(fix, "_restore", lambda past: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(fix.fix(check(Path("prompts")).histories))
    assert codes().count("P040") == 1
    list(fix.fix(check(Path("prompts")).histories))
    assert path.read_text() == GOOD
    assert codes() == ["P011"]


def test_fix_leaves_an_old_version_to_its_author():
    old = put(GOOD)
    put(GOOD.replace("1.0.0", "1.0.1"), "1.0.1")
    commit()
    old.write_text(changed("Say", "Tell"))
    assert list(fix.fix(check(Path("prompts")).histories)) == []
    assert "put the old content back" in found("P040")[0].hint
