"""Any OpenAI-compatible endpoint, by the `openai` package (the extra `llm`).

The package itself retries 408, 409, 429, 5xx and lost connections: with jitter, and after
`Retry-After` where the server sends it. What one request is told here holds for all: nobody asks
before that time. Base URL and key come from the environment.
"""

import math
import os
import threading
import time
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from nlp_gitops.core.errors import UsageError
from nlp_gitops.llm.request import Reply, Request, Unavailable
from nlp_gitops.prompts.answer import MAX_CHARS

RETRIES = 5
# Seconds. The package gives up, too, where a server wants longer waits than that.
LONGEST_WAIT = 120
# A server that wants to be left alone for longer is tried all the same.
LONGEST_REST = 600
KEY, BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
# Named, since a workflow hands over a variable that nobody set as an empty one, and the package
# takes that for an address.
OPENAI = "https://api.openai.com/v1"


class OpenAIChat:
    """Asks the chat completions API. The package is imported with the first request."""

    is_remote = True

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._not_before = 0.0

    def complete(self, request: Request, is_patient: bool) -> Reply:
        """Ask; raise Unavailable with the reason where no answer came.

        Who is not patient gets one try, and none while the server wants to be left alone.
        """
        with self._lock:
            client = self._client
        import openai

        self._wait(request, is_patient)
        if not is_patient:
            client = client.with_options(max_retries=0)
        begin = time.perf_counter()
        try:
            raw = client.chat.completions.with_raw_response.create(
                model=request.model, **_params(request),
                messages=[{"role": role, "content": text} for role, text in request.messages])
            answer = raw.parse()
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            return Reply("", refused=_line(error))
        except (openai.OpenAIError, ValueError) as error:
            raise Unavailable(f"{request.provider} {request.model} gave no answer: "
                              f"{_line(error)}; what was answered before is kept: type the same "
                              "command to go on") from None
        return _reply(request, answer, (time.perf_counter() - begin) * 1000, raw.retries_taken)

    def _wait(self, request: Request, is_patient: bool) -> None:
        while (left := self._not_before - time.monotonic()) > 0:
            if not is_patient or left > LONGEST_WAIT:
                raise Unavailable(f"{request.provider} {request.model} takes no request for "
                                  f"another {math.ceil(left)} s (Retry-After)")
            time.sleep(left)

    def _heed(self, response: Any) -> None:
        """Note for how long an overloaded server wants no request, from anybody."""
        if response.status_code in (429, 503):
            rest = min(_seconds(response.headers.get("Retry-After", "")), LONGEST_REST)
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + rest)

    @cached_property
    def _client(self) -> Any:
        try:
            import openai
        except ImportError:
            raise UsageError("the package openai is not installed; type: "
                             "pip install openai") from None
        if not os.environ.get(KEY):
            raise UsageError(f"{KEY} is not set; a server that wants no key takes any word")
        return openai.OpenAI(
            base_url=os.environ.get(BASE_URL) or OPENAI,
            timeout=self._timeout_s, max_retries=RETRIES,
            http_client=openai.DefaultHttpxClient(event_hooks={"response": [self._heed]}))


def _params(request: Request) -> dict[str, Any]:
    params = dict(request.params)
    limit = params.pop("max_output_tokens", None)
    if limit is not None:
        # OpenAI's newer models refuse the old name, and most other servers know no other.
        params["max_tokens" if os.environ.get(BASE_URL) else "max_completion_tokens"] = limit
    return params


def _seconds(text: str) -> float:
    """Return what Retry-After says, a number or a date (RFC 9110, 10.2.3); 0 for anything else."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


def _reply(request: Request, answer: Any, latency_ms: float, retries: int) -> Reply:
    try:
        text = answer.choices[0].message.content
        usage = answer.usage
    except (AttributeError, IndexError, TypeError):
        raise Unavailable(f"{request.provider} {request.model} sent something else than a chat "
                          "completion; is the base URL right?") from None
    # One character more than is accepted shows that an answer is too long.
    text = (text if isinstance(text, str) else "")[:MAX_CHARS + 1]
    return Reply(text.encode("utf-8", "replace").decode(),
                 _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"),
                 round(latency_ms, 3), retries=retries)


def _count(usage: Any, name: str) -> int | None:
    """Return a number of tokens; None for anything that cannot be one."""
    found = getattr(usage, name, None)
    return found if type(found) is int and found >= 0 else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
