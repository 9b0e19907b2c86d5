"""Write one file for an auditor about one version, or check such a file.

Who put it into production, when and why, made from which data, prompt and commit, with which
evidence: index.html in the file says it on its first screen. The file also holds the ledger as git
objects, so everything can be checked without network and repository.

examples:
  nlp-gitops audit review-sentiment@v1.0.0
  nlp-gitops audit @production --registry origin --out audit.tar
  nlp-gitops audit --verify review-sentiment-v1.0.0.tar
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nlp_gitops.audit import bundle
from nlp_gitops.audit.check import check
from nlp_gitops.cli.frame import parser, show
from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.files import sha256_bytes, write_atomic
from nlp_gitops.core.project import load_project
from nlp_gitops.registry.operations import resolve
from nlp_gitops.registry.remotes import connect


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    arguments = parser(__doc__, "--registry", "--json")
    arguments.add_argument("version", nargs="?", metavar="NAME@vX.Y.Z",
                           help="a version, or NAME@production for the one in that stage")
    arguments.add_argument("--verify", type=Path, metavar="FILE",
                           help="check an audit file; exit 1 for any alteration")
    arguments.add_argument("--out", type=Path, metavar="FILE",
                           help="where to write (default: reports/audit/NAME-vX.Y.Z.tar)")
    options = arguments.parse_args(argv)
    if (options.version is None) == (options.verify is None):
        raise UsageError("name one version to write about, or one file: --verify FILE")
    return _verify(options) if options.verify else _write(options)


def _write(options: argparse.Namespace) -> int:
    project = load_project()
    registry = connect(project, options.registry)
    ref = resolve(registry.snapshot(), options.version, project.model().name)
    data = bundle.make(project.root, registry, ref)
    path = options.out or project.root / "reports" / "audit" / f"{bundle.folder(ref)}.tar"
    write_atomic(path, data)
    digest = sha256_bytes(data)
    show(options, {"version": str(ref), "file": str(path), "sha256": digest},
         f"wrote {path} ({len(data):,} bytes, sha256 {digest})",
         f"unpack it and open {bundle.folder(ref)}/{bundle.INDEX}; check it anywhere: "
         "nlp-gitops audit --verify FILE")
    return 0


def _verify(options: argparse.Namespace) -> int:
    found = check(options.verify)
    verdict = [f"{options.verify}: faults found: {len(found.faults)}; do not rely on it"]
    if not found.faults:
        verdict = [f"{found.version}: all {found.files} files follow from ledger commit "
                   f"{found.ledger} and the source commit",
                   "is that commit the team's? git fetch origin registry && git merge-base "
                   f"--is-ancestor {found.ledger} FETCH_HEAD && echo yes"]
    show(options, asdict(found), *found.faults,
         *(f"not checked: {text}" for text in found.unchecked), *verdict)
    return 1 if found.faults else 3 if found.unchecked else 0
