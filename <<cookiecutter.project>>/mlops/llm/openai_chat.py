"""Any OpenAI-compatible endpoint, by the `openai` package (the extra `llm`).

The package itself retries 408, 409, 429, 5xx and lost connections: with jitter, and after
`Retry-After` where the server sends it. Base URL and key come from the environment.
"""

import os
import threading
import time
from functools import cached_property
from typing import Any

from mlops.errors import UsageError
from mlops.llm.request import Reply, Request, Unavailable
from mlops.prompts.answer import MAX_CHARS

RETRIES = 5
KEY, BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"


class OpenAIChat:
    """Asks the chat completions API. The package is imported with the first request."""

    is_remote = True

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """Ask; raise Unavailable with the reason where no answer came."""
        with self._lock:
            client = self._client
        import openai

        begin = time.perf_counter()
        try:
            answer = client.chat.completions.create(
                model=request.model, **_params(request),
                messages=[{"role": role, "content": text} for role, text in request.messages])
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            return Reply("", refused=_line(error))
        except (openai.OpenAIError, ValueError) as error:
            raise Unavailable(f"{request.provider} {request.model} gave no answer: "
                              f"{_line(error)}; what was answered before is kept: type the same "
                              "command to go on") from None
        return _reply(request, answer, (time.perf_counter() - begin) * 1000)

    @cached_property
    def _client(self) -> Any:
        try:
            import openai
        except ImportError:
            raise UsageError("the package openai is not installed; type: "
                             "pip install openai") from None
        if not os.environ.get(KEY):
            raise UsageError(f"{KEY} is not set; a server that wants no key takes any word")
        return openai.OpenAI(timeout=self._timeout_s, max_retries=RETRIES)


def _params(request: Request) -> dict[str, Any]:
    params = dict(request.params)
    limit = params.pop("max_output_tokens", None)
    if limit is not None:
        # OpenAI's newer models refuse the old name, and most other servers know no other.
        params["max_tokens" if os.environ.get(BASE_URL) else "max_completion_tokens"] = limit
    return params


def _reply(request: Request, answer: Any, latency_ms: float) -> Reply:
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
                 round(latency_ms, 3))


def _count(usage: Any, name: str) -> int | None:
    """Return a number of tokens; None for anything that cannot be one."""
    found = getattr(usage, name, None)
    return found if type(found) is int and found >= 0 else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
