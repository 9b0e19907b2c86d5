"""Check the prompt files.

Reads   prompts/ and the labels of data/dataset.yaml.
Writes  nothing; with --fix what can be fixed by rule.
Decides whether headers, variables, output format and version bumps are right (exit 1 if not).
"""

if __name__ == "__main__":
    from door import run

    run("check_prompts")
