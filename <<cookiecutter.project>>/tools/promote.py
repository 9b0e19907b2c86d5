"""Move a version to a stage.

Reads   the registry, and the evidence of gate or canary.
Writes  an event in the ledger, and the stage's tag.
Decides whether the stage order and the evidence allow it (exit 4 if the champion changed).
"""

if __name__ == "__main__":
    from door import run

    run("promote")
