"""Is the ledger of an audit file whole, and does it bear out the version's tags?"""

from collections.abc import Iterator
from pathlib import Path

from mlops import git
from mlops.audit import proof, story
from mlops.errors import UserError
from mlops.names import ModelRef
from mlops.registry.ledger import BRANCH
from mlops.registry.replay import replay
from mlops.registry.tag_checks import tag_faults
from mlops.registry.walk import opened


def faults(repo: Path, ref: ModelRef) -> Iterator[str]:
    """Yield a line for each fault of the ledger, the version's tags and the source's files."""
    try:
        head = git.git(repo, "rev-parse", "--verify", f"{BRANCH}^{{commit}}")
        with opened(repo) as objects:
            replayed = replay(repo, head, objects)
            mine = {name: tag for name, tag in replayed.tags.items()
                    if (tag.event.model, tag.event.version) == (ref.name, ref.version.tag)}
            found = [*replayed.faults,
                     *tag_faults(proof.tags(repo), mine, replayed.states, objects, "")]
        yield from (f"ledger: {fault.code} {fault.subject}: {fault.message}" for fault in found)
        told = None if found else story.read(repo, ref)
        if told and told.source:
            paths = story.source_paths(repo, told.manifest)
            yield from (f"removed: {path} of the source commit, which has it" for path
                        in proof.left_out(repo, told.source.commit, list(paths.values())))
    except (UserError, git.GitError) as error:
        yield f"ledger: {error}"
