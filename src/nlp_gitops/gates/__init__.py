"""Gates: the rules of `gates.yaml`, and the verdict on what was measured.

Nothing passes by absence: an empty slice, a missing metric or a value that is no number is
NOT_MEASURED, and so is the whole verdict.
"""

from nlp_gitops.evaluation.predictions import Answers, Evidence, Single
from nlp_gitops.gates.judge import EXIT_CODES, VERDICTS, Verdict, exit_code, judge, overall
from nlp_gitops.gates.measure import Bench
from nlp_gitops.gates.rules import (Gate, Gates, Waiver, canonical, known_metric, load_gates,
                                    override)

__all__ = ["EXIT_CODES", "VERDICTS", "Answers", "Bench", "Evidence", "Gate", "Gates", "Single",
           "Verdict", "Waiver", "canonical", "exit_code", "judge", "known_metric", "load_gates",
           "override", "overall"]
