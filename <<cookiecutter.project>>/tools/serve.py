"""Answer requests with a version.

Reads   the registry, or a folder that was pulled.
Writes  the prediction log, where asked for.
Decides nothing.
"""

if __name__ == "__main__":
    from door import run

    run("serve")
