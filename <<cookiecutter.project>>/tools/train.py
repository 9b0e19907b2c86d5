"""Train a model.

Reads   data/, prompts/, nlp/ and project.yaml.
Writes  a run under runs/: model, metrics, artifacts, lineage.
Decides nothing; the gate judges.
"""

if __name__ == "__main__":
    from door import run

    run("train")
