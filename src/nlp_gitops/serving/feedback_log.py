"""POST /feedback: what the right label of an earlier request was. A log of its own keeps it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from nlp_gitops.drift.feedback import LONGEST_ID, entry
from nlp_gitops.serving.asked import Refused
from nlp_gitops.serving.log_files import LogFile

MOST = 1000

_LABEL_SCHEMA = {
    "type": "object", "required": ["request_id", "label"], "properties": {
        "request_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
        "label": {"type": "string"},
        "row": {"type": "integer", "minimum": 0, "maximum": 999_999}}}
# What OpenAPI says of a body that `take` accepts.
LABELS_SCHEMA = {"oneOf": [_LABEL_SCHEMA, {"type": "array", "items": _LABEL_SCHEMA, "minItems": 1,
                                           "maxItems": MOST}]}


class FeedbackLog:
    """Takes delayed labels of one release and appends them to DIR/dt=…/feedback-….jsonl."""

    def __init__(self, folder: Path, labels: tuple[str, ...], most_bytes: int) -> None:
        self._file = LogFile(folder, "feedback", most_bytes)
        self._labels, self._lock = labels, asyncio.Lock()

    async def take(self, body: bytes) -> int:
        """Append the labels of a request's body: one object, or a list of up to 1,000.

        Return their number. Raises Refused with 400 or 422, and then takes none of them; with 503
        if the file cannot be written.
        """
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise Refused(400, "json", "the body is not JSON in UTF-8") from None
        items = value if isinstance(value, list) else [value]
        if not 0 < len(items) <= MOST:
            raise Refused(422, "feedback", f"send 1 to {MOST:,} labels at once")
        lines = [json.dumps(self._entry(item)) for item in items]
        async with self._lock:
            try:
                await asyncio.to_thread(self._file.write, lines)
            except OSError as error:
                raise Refused(503, "disk", f"the label could not be kept: {error.strerror}",
                              {"Retry-After": "10"}) from None
        return len(lines)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _entry(self, item: Any) -> dict[str, Any]:
        try:
            found = entry(item["request_id"], item["label"], item.get("row", 0))
        except (KeyError, TypeError, AttributeError):
            raise Refused(422, "feedback", "send {\"request_id\": …, \"label\": …}, and row where "
                          "the request had several texts") from None
        except ValueError as error:
            raise Refused(422, "feedback", str(error)) from None
        if found["label"] not in self._labels:
            raise Refused(422, "label", "`label` must be one of " + ", ".join(self._labels))
        return found
