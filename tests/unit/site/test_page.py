"""The registry page as markup; tests/integration/test_site.py looks at it in a browser."""

from nlp_gitops.registry.events import State
from nlp_gitops.site.contents import Contents, Links
from nlp_gitops.site.page import page


def test_a_version_that_was_taken_back_says_so_where_it_still_stands():
    state = State("m", 9, {"production": "v1.0.0", "staging": "v1.0.1"}, revoked=("v1.0.1",))

    html = page("reviews", Contents(None, {"m": state}, (), ()), (), Links())

    assert html.count("<strong>revoked</strong>") == 1
    assert html.index("v1.0.0") < html.index("v1.0.1") < html.index("<strong>revoked</strong>")
