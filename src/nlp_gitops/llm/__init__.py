"""Asking a provider: requests, recorded answers, budgets, and an answer that keeps to its format.

`Asker(prompt, settings, provider).ask(rows)` gives one `Outcome` for each row. A `Session` says
from where answers may come in this process, how fast, and for how much.
"""

from nlp_gitops.llm.asker import Asker, Outcome
from nlp_gitops.llm.classifier import PromptClassifier
from nlp_gitops.llm.request import Reply, Request, Unavailable
from nlp_gitops.llm.session import Session, rehearsal_of, session_of
from nlp_gitops.llm.settings import Settings

__all__ = ["Asker", "Outcome", "PromptClassifier", "Reply", "Request", "Session", "Settings",
           "Unavailable", "rehearsal_of", "session_of"]
