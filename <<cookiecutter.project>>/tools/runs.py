"""List, show and compare runs.

Reads   runs/.
Writes  nothing; html writes a page.
Decides nothing.
"""

from door import run

run("runs")
