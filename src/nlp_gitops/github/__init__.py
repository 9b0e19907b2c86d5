"""What workflows do on GitHub beyond the registry: comments, release notes, alerts, dispatches."""
