"""Pages of the documentation, followed from their first command to the last."""

import pytest
from baking import ROOT, bake, with_venv
from walker import READER, walk

from nlp_gitops.deploy.processes import free_port

pytestmark = pytest.mark.heavy

PAGES = ("tutorial", "drills", "how-to-models", "how-to-gates", "how-to-github", "how-to-leave")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs_and_says_what_the_page_says(tmp_path, venv, page):
    project = with_venv(bake(tmp_path / "out"), venv)
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")

    assert walk(project, text, PORT=str(free_port()), **READER)
