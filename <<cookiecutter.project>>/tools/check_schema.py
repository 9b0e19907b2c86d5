"""Check data/dataset.yaml and its rows.

Reads   data/dataset.yaml, its rows, and the version on the base branch.
Writes  nothing; with --fix what can be fixed by rule.
Decides whether the rows keep the schema, no split leaks, the test split is the pinned one, and the
version was bumped as the change needs (exit 1 if not).
"""

if __name__ == "__main__":
    from door import run

    run("check_schema")
