"""The text of a card: what people wrote stays, keys of the front matter and one block are ours."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import UsageError

# The hub's licence identifiers that are an SPDX one in lower case, or without its `-only`. From
# https://huggingface.co/docs/hub/repositories-licenses
LICENSES = frozenset("""
afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0
cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0
cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0
epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 gpl-2.0 gpl-3.0 isc lgpl-2.1 lgpl-3.0 lppl-1.3c mit
mpl-2.0 ms-pl ncsa ofl-1.1 osl-3.0 postgresql unknown unlicense wtfpl zlib
""".split())
TASKS = {"prompt-classification": "text-classification", "ner": "token-classification",
         "summarisation": "summarization"}
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)


def license_keys(spdx: str | None) -> dict[str, str | None]:
    """Return the keys for a licence or `internal`; one that the hub does not know is `other`."""
    short = (spdx or "unknown").lower().removesuffix("-only")
    if short in LICENSES:
        return {"license": short, "license_name": None}
    return {"license": "other", "license_name": short.replace(" ", "-")}


def languages(tags: Iterable[str]) -> list[str]:
    """Return BCP 47 tags as the hub's codes of two or three letters."""
    return list(dict.fromkeys(tag.partition("-")[0].lower() for tag in tags))


def task(name: str) -> str:
    """Return the hub's name of a task."""
    return TASKS.get(name, name)


@dataclass(frozen=True)
class Block:
    """A generated part between two comments; `heading` stands over it where a card had none."""

    begin: str
    end: str
    heading: str

    def written(self, text: str, content: str) -> str:
        """Return a card with the block's content renewed, or added at the end."""
        block = f"{self.begin}\n{content}\n{self.end}"
        begin, end = re.escape(self.begin), re.escape(self.end)
        # From the last beginning before the first end: a stray comment takes no text with it.
        found = re.search(rf"{begin}(?:(?!{begin}).)*?{end}", text, re.DOTALL)
        if found:
            return text[:found.start()] + block + text[found.end():]
        return text.rstrip("\n") + f"\n\n{self.heading}\n\n{block}\n"


def with_keys(text: str, wanted: Mapping[str, Any]) -> str:
    """Rewrite the lines of keys whose value differs; keep the other lines of the front matter.

    None removes a key. Front matter that is no YAML map is left as it is.
    """
    match = _FRONT.match(text)
    front, body = (match[1], text[match.end():]) if match else ("", "\n" + text)
    present = _parsed(front)
    if present is None:
        return text
    for key, value in wanted.items():
        if present.get(key) == value:
            continue
        line = _line(key, value)
        # A key's value goes on over indented lines and list items.
        front, count = re.subn(rf"^{key}[ \t]*:.*\n(?:(?:[ \t]+|- ).*\n|-\n)*",
                               lambda _: line, front, count=1, flags=re.MULTILINE)
        if not count:
            front += line
    return f"---\n{front}---\n{body}"


def keys_of(text: str) -> dict[str, Any]:
    """Return a card's front matter; nothing where it has none that can be read."""
    match = _FRONT.match(text)
    return _parsed(match[1]) or {} if match else {}


def cell(text: str, limit: int = 80) -> str:
    """Return a text that stays one cell of a table, or one line, and no markup."""
    text = re.sub(r"([|\\`*_\[\]])", r"\\\1", " ".join(text.split())[:limit])
    # A backslash before it would leave a comment that ends our block whole.
    return text.replace("<", "&lt;")


def _parsed(front: str) -> dict[str, Any] | None:
    """Return front matter as a map, None for anything else; comments alone are an empty one."""
    try:
        value = yamlfile.parse(front, Path("front matter")).value
    except UsageError:
        return None
    return {} if value is None else value if isinstance(value, dict) else None


def _line(key: str, value: Any) -> str:
    """Return a key on a line of its own; maps go over several, as people write them."""
    if value is None:
        return ""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        # As JSON and back, for YAML would write a part that occurs twice as an alias.
        plain = json.loads(json.dumps({key: value}))
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return f"{key}: {json.dumps(value, ensure_ascii=False)}\n"
