"""Asking a provider: requests, recorded answers, budgets, and an answer that keeps to its format.

`Asker(prompt, settings, provider).ask(rows)` gives one `Outcome` for each row. A `Session` says
from where answers may come in this process, how fast, and for how much.
"""

from mlops.llm.asker import Asker, Outcome
from mlops.llm.request import Reply, Request, Unavailable
from mlops.llm.session import Session, rehearsal_of, session_of
from mlops.llm.settings import Settings

__all__ = ["Asker", "Outcome", "Reply", "Request", "Session", "Settings", "Unavailable",
           "rehearsal_of", "session_of"]
