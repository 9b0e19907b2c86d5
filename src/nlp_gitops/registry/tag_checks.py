"""The remote's tags, compared with those that the ledger's events must have."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from nlp_gitops.registry import signing
from nlp_gitops.registry.faults import Fault
from nlp_gitops.registry.replay import ExpectedTag
from nlp_gitops.registry.walk import Objects

_NUMBER = r"(0|[1-9][0-9]{0,8})"
_NAME = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
TAG = re.compile(rf"{_NAME}(@v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
                 r"|#(staging|shadow|production|archived)#[1-9][0-9]*)")
# name -> (object id, id of the tagged commit; None for a lightweight tag)
RemoteTags = Mapping[str, tuple[str, str | None]]
Verifier = Callable[[bytes], str | None]


def is_ours(name: str, models: Iterable[str]) -> bool:
    """Say whether a tag reads as one of the registry: by its grammar, or by a known model's name.

    `gto` would also read others that begin with a model's name, such as `NAME@v1.0.0!`.
    """
    model = re.split("[@#]", name)[0]
    return TAG.fullmatch(name) is not None or model != name and model in models


def unknown(remote: RemoteTags, expected: Mapping[str, ExpectedTag],
            models: Iterable[str]) -> list[str]:
    """Return the registry's tags on the remote that no event made."""
    return sorted(name for name in remote if name not in expected and is_ours(name, models))


def missing(remote: RemoteTags, expected: Mapping[str, ExpectedTag]) -> list[str]:
    """Return the tags that events made and the remote does not have, oldest event first."""
    return [name for name in expected if name not in remote]


def tag_faults(remote: RemoteTags, expected: Mapping[str, ExpectedTag], models: Iterable[str],
               objects: Objects, repair: str, verifier: Verifier | None = None) -> Iterator[Fault]:
    """Yield every fault of the remote's tags. `repair` is the command that makes tags again."""
    again = ("somebody changed it; find out who, delete it on the remote "
             f"(git update-ref -d refs/tags/… in its repository), then type: {repair}")
    for name, want in expected.items():
        where = f"tag {name}"
        if name not in remote:
            yield Fault("R020", where, f"is missing; event {want.event.seq} of "
                        f"{want.event.model} made it", f"type: {repair}")
            continue
        oid, target = remote[name]
        if target is None:
            yield Fault("R021", where, "is lightweight: a bare pointer without the event", again)
        elif target != want.target:
            yield Fault("R022", where,
                        f"points to commit {target[:7]} instead of {want.target[:7]}", again)
        else:
            data = objects.read(oid)[1]
            wrong = _content(data, name, want)
            unsigned = verifier(data) if verifier and not wrong else None
            if wrong:
                yield Fault("R023", where, wrong, again)
            elif unsigned:
                yield Fault("R025", where, unsigned, again)
    for name in unknown(remote, expected, models):
        yield Fault("R024", f"tag {name}", "no event of the ledger made it; it was put in by hand "
                    "or torn from its push", f"type: {repair}")


def unsigned(message: str) -> str:
    """Return a tag's message without its signature, which begins with a line of its own.

    The same words inside a line, such as an event's reason, are no signature; so does git read.
    """
    text, found, _ = message.rpartition(signing.BEGIN.decode())
    return f"{text}\n" if found else message


def _content(data: bytes, name: str, want: ExpectedTag) -> str | None:
    """Return what is wrong with a tag object; None if it says what its event says."""
    header, _, message = data.decode("utf-8", "surrogateescape").partition("\n\n")
    fields = dict(line.partition(" ")[::2] for line in header.splitlines())
    if (fields.get("object"), fields.get("tag")) != (want.target, name):
        return f"its object says tag {fields.get('tag')!r} of {str(fields.get('object'))[:7]}"
    if unsigned(message) != want.event.message:
        return "its message is not that of its event"
    if fields.get("tagger", "").split()[-2:-1] != [str(want.time)]:
        return "its time is not that of its event"
    return None
