"""A line to a chat: Slack's form, or an adaptive card for Teams. It never fails a job."""

import http.client
import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "NOTIFY_WEBHOOK"
_TEAMS = (".webhook.office.com", ".logic.azure.com", ".powerplatform.com")
_TIMEOUT_SECONDS = 10
_MOST_CHARACTERS = 3_000


def notify(title: str, text: str, link: str | None = None) -> str:
    """Send it to the address in NOTIFY_WEBHOOK; return what became of it, without the address."""
    address = os.environ.get(VARIABLE, "").strip()
    if not address:
        return f"nobody was told: the repository variable {VARIABLE} is not set"
    try:
        parts = urlsplit(address)
    except ValueError:
        return f"nobody was told: {VARIABLE} is no web address; it must begin with https://"
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        return f"nobody was told: {VARIABLE} must begin with https://"
    teams = any((parts.hostname or "").endswith(end) for end in _TEAMS)
    value = (teams_card if teams else slack_message)(title, text[:_MOST_CHARACTERS], link)
    try:
        request = urllib.request.Request(address, json.dumps(value).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
            return f"told {parts.hostname}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error.code if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        return f"nobody was told: {parts.hostname} answered {reason}"


def slack_message(title: str, text: str, link: str | None) -> dict[str, Any]:
    """Return a message in Slack's form, which Mattermost, Rocket.Chat and others take too."""
    more = f"\n<{link}|details>" if link else ""
    return {"text": f"*{_slack(title)}*\n{_slack(text)}{more}"}


def _slack(text: str) -> str:
    """Return text without links, mentions or emphasis of its own."""
    for char, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("*", "∗"),
                          ("@", "@\u200b"), ("`", "'"), ("_", "_\u200b")):
        text = text.replace(char, instead)
    return text


def teams_card(title: str, text: str, link: str | None) -> dict[str, Any]:
    """Return an adaptive card as a workflow of Teams takes it."""
    block = {"type": "TextBlock", "wrap": True}
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard",
        "version": "1.4", "body": [
            {**block, "weight": "Bolder", "text": _teams(title)}, {**block, "text": _teams(text)}]}
    if link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "details", "url": link}]
    return {"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}


def _teams(text: str) -> str:
    """Return text that is no Markdown link, emphasis or mention in a card."""
    for char, instead in (("[", "［"), ("]", "］"), ("*", "∗"), ("_", "_\u200b"), ("<", "‹"),
                          (">", "›")):
        text = text.replace(char, instead)
    return text
