"""What these tests share: the small repository of the unit tests; no generated project.

They are no unit tests: they live a version's whole life, start servers and many processes at
once, or simulate hundreds of experiments.
"""

from small_fixtures import no_pictures, no_team_code, project  # noqa: F401
