"""The commands: each module parses, calls, prints and returns its exit code."""
