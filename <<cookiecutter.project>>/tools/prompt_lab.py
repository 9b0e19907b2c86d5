"""See versions of a prompt side by side.

Reads   prompt files and a sample of rows.
Writes  reports/prompts/.
Decides nothing; the gate judges.
"""

if __name__ == "__main__":
    from door import run

    run("prompt_lab")
