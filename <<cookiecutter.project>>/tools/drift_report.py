"""Compare live traffic with a reference.

Reads   prediction logs, delayed labels, and the version's packed reference.
Writes  reports/drift/.
Decides OK, WARN, ALERT, CRITICAL or INSUFFICIENT for each slice (exit 1 for an alert).
"""

if __name__ == "__main__":
    from door import run

    run("drift_report")
