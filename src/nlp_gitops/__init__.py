"""Gates, registry, rollout and drift for an NLP team's repository."""

__version__ = "0.1.0"
