"""The objects of a repository: commits, trees, files and tags, read through one open git process.

`git cat-file --batch` answers one name after the other, so that a command which reads fifty files
starts one process, not fifty. A process is started by the first read, and serves every later one.
"""

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.git import GitError, environment

# Names that are asked before the first answer is read; more could fill both pipes.
_AHEAD = 64
_KEPT_OPEN = 8


@dataclass(frozen=True)
class GitObject:
    """One object: its id, its kind (commit, tree, blob, tag) and git's own bytes of it."""

    oid: str
    kind: str
    data: bytes

    @property
    def text(self) -> str:
        """Return the content as text; bytes that are no UTF-8 stay distinguishable."""
        return self.data.decode("utf-8", "surrogateescape")


def read(repo: Path, name: str) -> GitObject | None:
    """Return the object of a name as git reads one (`main^{commit}`, `HEAD:path`, an id), or None.

    Raises GitError where there is no repository, or it is damaged.
    """
    return next(read_all(repo, [name]))


def read_all(repo: Path, names: Iterable[str]) -> Iterator[GitObject | None]:
    """Yield the object of each name, None where there is none; the rules are those of `read`."""
    reader = _reader(os.getpid(), repo.absolute())
    waiting: list[str] = []
    for name in names:
        waiting.append(name)
        if len(waiting) == _AHEAD:
            yield from reader.ask(waiting)
            waiting = []
    yield from reader.ask(waiting)


def resolve(repo: Path, name: str) -> str | None:
    """Return the id that a name stands for, or None; the rules are those of `read`."""
    found = read(repo, name)
    return found.oid if found else None


def entries(tree: GitObject) -> dict[str, str]:
    """Return what a folder holds: name -> id of the file or folder."""
    found, position, size = {}, 0, len(tree.oid) // 2
    while position < len(tree.data):
        end = tree.data.index(b"\0", position)
        name = tree.data[position:end].partition(b" ")[2]
        found[os.fsdecode(name)] = tree.data[end + 1:end + 1 + size].hex()
        position = end + 1 + size
    return found


class _Reader:
    """One `git cat-file --batch`, which is started again after it has ended."""

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def __del__(self) -> None:
        self._close()

    def ask(self, names: list[str]) -> list[GitObject | None]:
        if any("\n" in name or "\0" in name for name in names):
            raise ValueError("a name of a git object holds no line feed")
        with self._lock:
            try:
                process = self._process = self._process or self._started()
                assert process.stdin and process.stdout
                process.stdin.write(b"".join(os.fsencode(name) + b"\n" for name in names))
                process.stdin.flush()
                return [self._answer(process) for _ in names]
            except (BrokenPipeError, EOFError):
                raise self._ended() from None
            except BaseException:
                # What was not read of an answer would be taken for the next one.
                self._close()
                raise

    def _started(self) -> subprocess.Popen[bytes]:
        self._errors = tempfile.TemporaryFile()
        try:
            return subprocess.Popen(
                ["git", "-C", str(self._repo), "cat-file", "--batch"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=self._errors,
                env={**environment(), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"})
        except FileNotFoundError:
            raise UsageError("git is not installed or not on PATH") from None

    def _answer(self, process: subprocess.Popen[bytes]) -> GitObject | None:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise EOFError
        words = line.split()
        if len(words) != 3 or not words[2].isdigit():
            return None
        data = process.stdout.read(int(words[2]) + 1)
        if len(data) != int(words[2]) + 1:
            raise EOFError
        return GitObject(words[0].decode(), words[1].decode(), data[:-1])

    def _ended(self) -> GitError:
        """Return why the process ended by itself."""
        process = self._process
        self._close()
        self._errors.seek(0)
        return GitError(("cat-file",), process.returncode if process else 1,
                        self._errors.read().decode("utf-8", "replace"))

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is None or not process.stdin or not process.stdout:
            return
        process.stdout.close()
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.wait()


@lru_cache(maxsize=_KEPT_OPEN)
def _reader(_process: int, repo: Path) -> _Reader:
    """Return the reader of a repository; a fork's child gets one of its own."""
    return _Reader(repo)
