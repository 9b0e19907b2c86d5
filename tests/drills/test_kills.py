"""The full kill drill: 120 SIGKILLs of whole process groups."""

import pytest
from kill_drill import drill
from registry_kit import team

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_forty_kills_lose_nothing(tmp_path, venv, seed):
    found = drill(team(tmp_path / "team", venv), kills=40, seed=seed)

    print(f"{found.kills} kills, {found.repairs} repairs, "
          f"{len(found.acknowledged)} acknowledged events")
    assert found.kills == 40
