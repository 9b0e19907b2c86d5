"""What a repository's own files say about its packages, and how they go on without the wheel.

Texts in, texts out. `pyproject.toml` is changed in its one line, so that comments stay.
"""

import re
from collections.abc import Collection, Iterable, Sequence

# `make lock` leaves lines with this comment out of deploy/requirements.txt.
NOT_SERVING = "# not for serving"
_NAMED = re.compile(r"""^(?P<indent>[ \t]*)(?P<quote>["'])nlp[-_]gitops\s*"""
                    r"""(?:\[(?P<extras>[^\]]*)\])?\s*(?:[@=<>~!;][^"'\n]*)?(?P=quote),?[ \t]*"""
                    r"""(?:\#.*)?\n""", re.MULTILINE)
# What the generated file says about the line, which is no longer so.
_COMMENTS = re.compile(r"^# The machinery lies in vendor/.*\n|^# Extras that may be added: .*\n",
                       re.MULTILINE)
_LOCKED = re.compile(r"^(?:\./)?(?:vendor/nlp_gitops-[^\s\[;\\]+\.whl|nlp[-_]gitops(?![\w.-]))"
                     r"(?:\[(?P<extras>[^\]]*)\])?(?P<rest>(?:.*\\\n)*.*)(?:\n|\Z)", re.MULTILINE)
_EXTRA = re.compile(r"""(?:(?P<rest>.*)\s+and\s+)?extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


def requirements(metadata: Iterable[str], extras: Collection[str] = ()) -> list[str]:
    """Return what `Requires-Dist` lines ask for with these extras, as lines without `extra ==`."""
    found: dict[str, None] = {}
    for line in metadata:
        name, _, marker = (part.strip() for part in line.partition(";"))
        asked = _EXTRA.fullmatch(marker)
        if asked and asked["extra"] not in extras:
            continue
        rest = ((asked["rest"] or "") if asked else marker).strip()
        if rest.startswith("(") and rest.find(")") == len(rest) - 1:
            rest = rest[1:-1]
        found[f"{name}; {rest}" if rest else name] = None
    return list(found)


def extras_of(pyproject: str) -> tuple[str, ...] | None:
    """Return the extras with which the package is asked for; None if it is not named."""
    named = _NAMED.search(pyproject)
    return _split(named["extras"]) if named else None


def without_package(pyproject: str, metadata: Sequence[str]) -> str:
    """Return pyproject.toml with the package's own requirements in place of the package."""
    named = _NAMED.search(pyproject)
    if named is None:
        return pyproject
    rest = pyproject[:named.start()] + pyproject[named.end():]
    extras = _split(named["extras"])
    # The service needs nothing that only the extra `github` asks for.
    serving = requirements(metadata, [extra for extra in extras if extra != "github"])
    lines = [f"{named['indent']}# What nlp_gitops/ imports.\n"]
    for item in requirements(metadata, extras):
        if re.search(rf"""^\s*["']{re.escape(item)}["']""", rest, re.MULTILINE):
            continue
        comment = "" if item in serving else f"  {NOT_SERVING}"
        lines.append(f'{named["indent"]}"{item}",{comment}\n')
    changed = pyproject[:named.start()] + "".join(lines) + pyproject[named.end():]
    return _COMMENTS.sub("", changed)


def unlocked(lock: str, metadata: Sequence[str]) -> str:
    """Return a lock file without the package.

    Where it was named without a hash the file is no full lock, and its requirements come instead.
    """
    def instead(line: re.Match[str]) -> str:
        if "--hash" in line["rest"]:
            return ""
        return "".join(f"{item}\n" for item in requirements(metadata, _split(line["extras"])))

    return _LOCKED.sub(instead, lock)


def _split(extras: str | None) -> tuple[str, ...]:
    return tuple(item.strip() for item in (extras or "").split(",") if item.strip())
