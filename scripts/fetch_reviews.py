"""Fetch 23.5k human-rated review snippets and write them as one JSONL table.

The rows come with the source package of vaderSentiment 3.3.2 (MIT licence; Hutto and Gilbert,
ICWSM 2014): snippets from product and movie reviews, tweets and news editorials, each rated by 15
to 100 people from -4 to 4. They are fetched by package name, checked by hash, and never kept in
this repository. Label: positive from a mean of 0.5, negative to -0.5, else neutral.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

REQUIREMENT = ("vaderSentiment==3.3.2 "
               "--hash=sha256:5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9")
INNER = "additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = {"amazonReviewSnippets": "product_review", "movieReviewSnippets": "movie_review",
         "tweets": "tweet", "nytEditorialSnippets": "news_editorial"}


class Unavailable(Exception):
    """The package could not be had; the text says why."""


def download(folder: Path) -> bytes:
    """Return the inner archive of the source package; raise Unavailable."""
    wanted = folder / "requirement.txt"
    wanted.write_text(REQUIREMENT + "\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--no-binary", "vaderSentiment", "--dest", str(folder),
               "--require-hashes", "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = list(folder.glob("*.tar.gz"))
    if done.returncode or not found:
        lines = done.stderr.strip().splitlines() or ["pip found nothing"]
        raise Unavailable(lines[-1])
    with tarfile.open(found[0]) as outer:
        name = next(name for name in outer.getnames() if name.endswith(INNER))
        member = outer.extractfile(name)
        assert member is not None
        return member.read()


def rows(inner: bytes) -> Iterator[dict[str, str]]:
    """Yield id, text, label, domain and group. A group is one review or article."""
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        for stem, domain in FILES.items():
            member = archive.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
            assert member is not None
            for line in member.read().decode("utf-8-sig", "replace").splitlines():
                number, _, rest = line.partition("\t")
                mean, _, text = rest.partition("\t")
                if text.strip():
                    yield {"id": f"{domain}-{number}", "text": text.strip(),
                           "label": label(float(mean)), "domain": domain,
                           "group": f"{domain}-{number.split('_')[0]}"}


def label(mean: float) -> str:
    """Return the label of a mean rating."""
    return "positive" if mean >= 0.5 else "negative" if mean <= -0.5 else "neutral"


def fetch(target: Path) -> int:
    """Write the table; return the number of rows. Raise Unavailable if it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        table = list(rows(download(Path(folder))))
    target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table),
                      encoding="utf-8")
    return len(table)


if __name__ == "__main__":
    try:
        print(f"{fetch(Path(sys.argv[1])):,} rows")
    except Unavailable as error:
        sys.exit(f"error: the review snippets cannot be had: {error}")
