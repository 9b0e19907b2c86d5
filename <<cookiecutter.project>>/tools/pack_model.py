"""Pack a run that passed its gate.

Reads   a run and its report.
Writes  dist/: a deterministic archive, manifest, model card and SHA256SUMS.
Decides nothing; a run without a passing report is refused.
"""

if __name__ == "__main__":
    from door import run

    run("pack_model")
