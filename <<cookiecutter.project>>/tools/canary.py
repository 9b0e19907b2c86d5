"""Judge a candidate beside the champion on live traffic.

Reads   /metrics of both services, or a prediction log.
Writes  evidence, where asked for.
Decides PASS, FAIL or INCONCLUSIVE (exit 0, 1 or 4).
"""

if __name__ == "__main__":
    from door import run

    run("canary")
