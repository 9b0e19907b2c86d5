"""Documents walked as a reader does: every block of commands runs, and what it says comes out.

A block marked `sh` is run as it stands; the `text` block after it holds lines that must come out,
in their order, with `…` for anything. Other blocks whose title names a file are typed into it. A
block of commands with a title says there why it is not run.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from baking import environment, heed_interrupts

# A reader has an identity in git.
READER = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
          for part, value in (("NAME", "reader"), ("EMAIL", "reader@localhost"))}

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"\n]+)")?\n(.*?)^```$', re.M | re.S)
_PLACE = re.compile(r"(?P<file>\S+?)(?:, (?:under `(?P<under>.+)`|instead of `(?P<old>.+)`"
                    r"|(?P<end>at the end)))?")


@dataclass(frozen=True)
class Block:
    """One fenced block; `title` is the one it shows, if any."""

    language: str
    title: str
    content: str


@dataclass(frozen=True)
class Step:
    """Commands with the lines that must come out, and what is typed into files before them."""

    typed: tuple[Block, ...]
    script: str
    expected: str


def sections(text: str) -> list[tuple[str, list[Block]]]:
    """Return (heading, blocks) for each section of level 1 or 2."""
    blocks = list(_BLOCK.finditer(text))
    headings = [found for found in re.finditer(r"^#{1,2} (.+)$", text, re.M)
                if not any(block.start() < found.start() < block.end() for block in blocks)]
    ends = [found.start() for found in headings[1:]] + [len(text)]
    return [(heading[1], [Block(*block.groups("")) for block in blocks
                          if heading.start() < block.start() < end])
            for heading, end in zip(headings, ends)]


def steps(blocks: list[Block]) -> list[Step]:
    """Return what a reader of a section does, in order."""
    found, typed = [], []
    for block, after in zip(blocks, [*blocks[1:], Block("", "", "")]):
        if block.language == "sh" and not block.title:
            found.append(Step(tuple(typed), block.content,
                              after.content if after.language == "text" else ""))
            typed = []
        elif block.title and block.language != "sh":
            typed.append(block)
    return found


def type_in(project: Path, block: Block) -> None:
    """Write a block into the file that its title names, as the title says."""
    place = _PLACE.fullmatch(block.title)
    assert place, block.title
    path = project / place["file"]
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if place["under"]:
        line = place["under"] + "\n"
        assert text.count(f"\n{line}") == 1, block.title
        text = text.replace(f"\n{line}", f"\n{line}{block.content}")
    elif place["old"]:
        assert text.count(place["old"]) == 1, block.title
        text = text.replace(place["old"], block.content.strip())
    else:
        text = text + block.content if place["end"] else block.content
    path.write_text(text, encoding="utf-8")


def missing(expected: str, output: str) -> str | None:
    """Return the first expected line that does not come out in its order; None if all do."""
    lines = iter([line.strip() for line in output.splitlines()])
    for wanted in filter(None, map(str.strip, expected.splitlines())):
        pattern = ".*".join(map(re.escape, wanted.split("…")))
        if not any(re.fullmatch(pattern, line) for line in lines):
            return wanted
    return None


def run_script(project: Path, script: str, env: Mapping[str, str]) -> str:
    """Run commands in a project whose environment is active; return what they print."""
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", ". .venv/bin/activate\n" + script],
                          cwd=project, env=environment(**env), stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=300, preexec_fn=heed_interrupts)
    assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}"
    return done.stdout


def walk(project: Path, page: str, only: tuple[str, ...] = (), **env: str) -> int:
    """Follow a page, or some of its sections; return how many blocks of commands ran."""
    todo = {heading: steps(blocks) for heading, blocks in sections(page)}
    assert set(only) <= set(todo), set(only) - set(todo)
    chosen = [step for heading in only or todo for step in todo[heading]]
    for step in chosen:
        for block in step.typed:
            type_in(project, block)
        output = run_script(project, step.script, env)
        lost = missing(step.expected, output)
        assert lost is None, f"{step.script}: {lost!r} is not in\n{output}"
    return len(chosen)
