"""Train a model.

Reads   data/, prompts/, nlp/ and project.yaml.
Writes  a run under runs/: model, metrics, artifacts, lineage.
Decides nothing; the gate judges.
"""

from door import run

run("train")
