"""Who reads the files: this process, or the workers of a Dask cluster.

Profiles of files add up to the last bit, so both give the same numbers. Dask is the extra `dask`:
a cluster on this machine, or the one that DASK_SCHEDULER_ADDRESS names; its workers need this
repository on their path. Any engine that can map over files fits here (`nlp-gitops help drift`
has Spark).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from nlp_gitops.core.errors import NotMeasured, UsageError

ONE, DASK = "one", "dask"
# A file that killed so many workers is taken for the cause.
_RETRIES = 3

Result = TypeVar("Result")
Run = Callable[[Callable[[Any], Result], Sequence[Any]], Iterator[Result]]


@contextmanager
def chosen(name: str) -> Iterator[Run[Any]]:
    """Give what maps a function over files; raise UsageError if it is not installed."""
    if name == ONE:
        yield map
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--engine dask needs the package distributed; install it with: "
                         "uv pip install distributed") from None
    with Client(set_as_default=False) as client:
        yield over(client)


def over(client: Any) -> Run[Any]:
    """Return what maps over files on a cluster's workers; a lost worker's files are read again."""
    def run(function: Callable[[Any], Result], names: Sequence[Any]) -> Iterator[Result]:
        from distributed import KilledWorker

        futures = client.map(function, names, retries=_RETRIES, pure=False)
        while futures:
            # In order, and each is let go once it is merged.
            try:
                yield futures.pop(0).result()
            except KilledWorker as error:
                raise NotMeasured(f"the cluster lost its workers: {error}") from None

    return run
