"""Read, check and repair the registry.

Reads   the ledger, its tags and archives.
Writes  nothing; doctor --repair finishes what a crash tore.
Decides whether everything is what the ledger says (exit 1 if not).
"""

if __name__ == "__main__":
    from door import run

    run("registry")
