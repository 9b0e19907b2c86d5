"""A small kill drill: nothing acknowledged is lost, nothing unacknowledged is half visible."""

from kill_drill import drill
from registry_kit import team


def test_eight_kills_lose_nothing(tmp_path, venv):
    found = drill(team(tmp_path / "team", venv), kills=8, seed=1)

    assert found.kills == 8 and found.acknowledged
