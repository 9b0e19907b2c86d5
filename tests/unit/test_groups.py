"""What a module says about its tests reaches the scheduler that deals them out."""

import pytest
from groups import ROOT, group_of

MARKED = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests").rglob("test_*.py"))
          if path.stem != "test_groups" and "mark.xdist_group" in path.read_text("utf-8")]


@pytest.mark.parametrize("module", MARKED)
def test_a_group_is_seen_where_it_is_marked(module):
    text = (ROOT / module).read_text(encoding="utf-8")

    assert group_of(module) and text.count("mark.xdist_group") == 1
    assert f'mark.xdist_group("{group_of(module)}")' in text


def test_a_module_without_a_mark_is_dealt_out_test_by_test():
    assert group_of("tests/template/test_starter_data.py") is None
    assert len(MARKED) > 5
