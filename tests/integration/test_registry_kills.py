"""A small kill drill: nothing acknowledged is lost, nothing unacknowledged is half visible."""

from kill_drill import drill
from registry_kit import team


def test_four_kills_lose_nothing(tmp_path, venv):
    found = drill(team(tmp_path / "team", venv), kills=4, seed=1)

    assert found.kills == 4 and found.acknowledged
