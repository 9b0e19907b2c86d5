"""What unit tests share: a small repository of their own; no generated project, no environment."""

from small_fixtures import no_pictures, no_team_code, project  # noqa: F401
