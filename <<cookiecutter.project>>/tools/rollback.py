"""Take production back.

Reads   the registry.
Writes  events in the ledger: the last good version is back, the bad one revoked.
Decides which version was the last good one (exit 4 without one).
"""

if __name__ == "__main__":
    from door import run

    run("rollback")
