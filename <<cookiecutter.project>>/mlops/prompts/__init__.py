"""Versioned prompts: files that are checked, rendered strictly, and whose answers are validated.

`current(folder, name)` finds the newest version, `render(prompt, inputs)` makes the text for the
model, and `parse_answer(prompt, text)` takes only an answer in the prompt's `format`.
"""

from mlops.prompts.answer import AnswerError, parse_answer
from mlops.prompts.file import Prompt, load
from mlops.prompts.folder import current, versions
from mlops.prompts.render import render

__all__ = ["AnswerError", "Prompt", "current", "load", "parse_answer", "render", "versions"]
