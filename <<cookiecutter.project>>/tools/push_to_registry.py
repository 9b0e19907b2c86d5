"""Register what was packed.

Reads   dist/.
Writes  a new version with its archive in the registry, and an event in the ledger.
Decides its number; registration without lineage is refused.
"""

if __name__ == "__main__":
    from door import run

    run("push_to_registry")
