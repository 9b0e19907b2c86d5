"""List, show and compare runs.

Reads   runs/.
Writes  nothing; html writes a page.
Decides nothing.
"""

if __name__ == "__main__":
    from door import run

    run("runs")
