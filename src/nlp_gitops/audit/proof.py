"""Two packs of git objects that everything else in an audit file is derived from.

`ledger.bundle` is a git bundle: all commits of the ledger, whose messages are the events, the
version's tags, and those files of the newest tree that are about the version.
`source.pack` holds the source commit and a few of its files, with the trees on the way to them. So
each file hangs by hashes on a commit, and the commits can be compared with any clone.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from nlp_gitops.core import git, git_objects
from nlp_gitops.core.errors import CheckFailed
from nlp_gitops.registry.ledger import BRANCH

# Says to git that trees are left out.
_HEADER = b"# v3 git bundle\n@object-format=sha1\n@filter=tree:0\n"


def ledger_bundle(repo: Path, head: str, tags: Mapping[str, str],
                  paths: Sequence[str]) -> bytes:
    """Return a git bundle of the ledger's commits up to `head` and of tag objects (name -> id).

    Of the newest tree it holds those paths, with the trees that lead to them.
    """
    refs = {BRANCH: head, **{f"refs/tags/{name}": oid for name, oid in sorted(tags.items())}}
    lines = "".join(f"{oid} {ref}\n" for ref, oid in refs.items())
    commits = git.git(repo, "rev-list", "--topo-order", head).split()
    return _HEADER + lines.encode() + b"\n" + _pack(
        repo, [*commits, *refs.values(), *_on_paths(repo, head, paths)])


def source_pack(repo: Path, commit: str, paths: Sequence[str]) -> bytes:
    """Return a pack of a commit and of those paths that it has, with their trees."""
    return _pack(repo, [commit, *_on_paths(repo, commit, paths)])


# git's fsck reads these in every folder that a pack holds, and takes the pack for damaged without.
_READ_BY_FSCK = (".gitattributes", ".gitmodules")


def _on_paths(repo: Path, commit: str, paths: Sequence[str]) -> list[str]:
    folders = dict.fromkeys(part for path in paths for part in _upwards(path))
    read = [str(PurePosixPath(folder, name)) for folder in folders for name in _READ_BY_FSCK]
    return [oid for oid in _objects(repo, commit, [*paths, *read]).values() if oid]


def _objects(repo: Path, commit: str, paths: Sequence[str]) -> dict[str, str | None]:
    """Return the object ids of paths and of the folders above them; None for what is not here."""
    names = dict.fromkeys(part for path in paths for part in _upwards(path))
    return {name: git_objects.resolve(repo, f"{commit}:{name}") for name in names}


def _upwards(path: str) -> list[str]:
    """Return a path and the folders above it up to the root, which has no name."""
    names = (part.as_posix() for part in (PurePosixPath(path), *PurePosixPath(path).parents))
    return ["" if name == "." else name for name in names]


def left_out(repo: Path, commit: str, paths: Sequence[str]) -> list[str]:
    """Return those paths that a commit has and `source.pack` does not hold."""
    held = _objects(repo, commit, paths)
    missing = []
    for path in paths:
        name = next((part for part in reversed(_upwards(path)) if held[part] is None), None)
        if name is None:
            continue
        folder, _, last = name.rpartition("/")
        above = git_objects.read(repo, f"{commit}:{folder}")
        if not name or above is None or last in git_objects.entries(above):
            missing.append(path)
    return missing


def has_commit(repo: Path, commit: str) -> bool:
    """Say whether a commit is in this clone."""
    return git_objects.resolve(repo, f"{commit}^{{commit}}") is not None


@contextmanager
def opened(bundle: bytes, source: bytes | None) -> Iterator[Path]:
    """Give a bare repository with the objects and refs of both, as long as the block lasts.

    Raises CheckFailed for packs that are damaged.
    """
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        repo = Path(folder)
        git.git(repo, "init", "--quiet", "--bare", "--template=", ".")
        header, _, pack = bundle.partition(b"\n\n")
        refs = [line.split(" ") for line in header.decode("utf-8", "replace").splitlines()
                if not line.startswith(("#", "@"))]
        if not bundle.startswith(_HEADER) or any(len(words) != 2 for words in refs):
            raise CheckFailed("ledger.bundle is no git bundle")
        for name, data in (("ledger.bundle", pack), ("source.pack", source)):
            try:
                if data is not None:
                    git.git(repo, "index-pack", "--stdin", "--fsck-objects", stdin=data)
            except git.GitError as error:
                raise CheckFailed(f"{name} is damaged: {error}") from None
        try:
            git.git(repo, "update-ref", "--stdin", stdin="".join(
                f"create {ref} {oid}\n" for oid, ref in refs).encode())
        except git.GitError as error:
            raise CheckFailed(f"ledger.bundle names what it does not hold: {error}") from None
        yield repo


def tags(repo: Path) -> dict[str, tuple[str, str | None]]:
    """Return the tags: name -> (object id, id of the tagged commit; None if lightweight)."""
    listing = git.git(repo, "for-each-ref", "refs/tags",
                      "--format=%(refname:lstrip=2) %(objectname) %(*objectname)")
    return {words[0]: (words[1], words[2] if len(words) > 2 else None)
            for words in (line.split() for line in listing.splitlines())}


def _pack(repo: Path, objects: Sequence[str]) -> bytes:
    """Return a pack that depends on the objects alone, not on how this clone keeps them."""
    return git.git_bytes(repo, "-c", "pack.threads=1", "pack-objects", "--quiet", "--stdout",
                         "--no-reuse-delta", "--no-reuse-object", "--window=0",
                         stdin="".join(f"{oid}\n" for oid in dict.fromkeys(objects)).encode())
