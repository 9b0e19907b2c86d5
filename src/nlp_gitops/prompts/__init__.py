"""Versioned prompts: files that are checked, rendered strictly, and whose answers are validated.

`current(folder, name)` finds the newest version, `render(prompt, inputs)` makes the text for the
model, and `parse_answer(prompt, text)` takes only an answer in the prompt's `format`.
"""

from nlp_gitops.prompts.answer import AnswerError, parse_answer
from nlp_gitops.prompts.file import Prompt, load
from nlp_gitops.prompts.folder import current, versions
from nlp_gitops.prompts.render import render

__all__ = ["AnswerError", "Prompt", "current", "load", "parse_answer", "render", "versions"]
