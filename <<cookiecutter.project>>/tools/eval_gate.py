"""Judge a run.

Reads   a run, the pinned test split, gates.yaml and the champion from the registry.
Writes  reports/ and the run's folder.
Decides GATE: PASS or FAIL, with the reason of every rule (exit 1, 3 or 4 if it may not go on).
"""

if __name__ == "__main__":
    from door import run

    run("eval_gate")
