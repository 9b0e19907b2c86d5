"""Print a reference page, or list them. They are in the package, so no network is needed.

examples:
  nlp-gitops help
  nlp-gitops help gates
  nlp-gitops help gates | less
"""

from collections.abc import Sequence

from nlp_gitops.cli.frame import parser
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.package_files import reference_pages


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("topic", nargs="?", metavar="TOPIC", help="a page's name")
    options = arguments.parse_args(argv)
    pages = reference_pages()
    if options.topic is None:
        width = max(map(len, pages))
        for topic, text in pages.items():
            print(f"{topic:<{width}}  {_title(text)}")
        return 0
    if options.topic not in pages:
        raise UsageError(f"no page {options.topic!r}; there are {', '.join(pages)}")
    print(pages[options.topic].rstrip())
    return 0


def _title(text: str) -> str:
    return next((line.lstrip("# ") for line in text.splitlines() if line.startswith("# ")), "")
