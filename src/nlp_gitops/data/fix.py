"""`--fix`: writes what can be derived: version, test digest, card. Nothing else is touched."""

import re
from collections.abc import Iterator
from pathlib import Path

from nlp_gitops.core import yamlfile
from nlp_gitops.core.errors import CheckFailed, UserError
from nlp_gitops.core.files import write_atomic
from nlp_gitops.core.names import Version
from nlp_gitops.data import card
from nlp_gitops.data.check import Measured
from nlp_gitops.data.manifest import Manifest, manifest_of
from nlp_gitops.data.report import VersionNote


def fix(manifest: Manifest, measured: Measured, version: VersionNote) -> Iterator[str]:
    """Write the needed version and digest into the manifest, then the card; yield what was done."""
    wanted = {}
    if version.needed and Version.parse(manifest.version) < Version.parse(version.needed):
        wanted["version"] = version.needed
    if measured.test_sha256 and measured.test_sha256 != manifest.test_sha256:
        wanted["test_sha256"] = measured.test_sha256
    if wanted:
        # As bytes, so that line ends stay what they are.
        text = edited(manifest.path.read_bytes().decode(), manifest.path, wanted)
        write_atomic(manifest.path, text)
        for key, value in wanted.items():
            yield f"wrote {key}: {value} to {manifest.path}" + (
                f" ({version.reason})" if key == "version" else "")
        manifest = manifest_of(yamlfile.read(manifest.path, "dataset"))
    path = card.path_of(manifest)
    text = card.current(manifest, measured)
    if not path.is_file() or yamlfile.read_text(path) != text:
        write_atomic(path, text)
        yield f"wrote {path}"


def edited(text: str, path: Path, wanted: dict[str, str]) -> str:
    """Return a manifest's text with these top-level values, all other characters kept.

    The result is read back. Raise CheckFailed if it does not say exactly what was meant.
    """
    draft = text
    for key, value in wanted.items():
        draft, count = re.subn(rf"""^({key}[ \t]*:[ \t]*)(["']?)[^\s"'#]+\2""",
                               lambda match: f"{match[1]}{match[2]}{value}{match[2]}", draft,
                               count=1, flags=re.MULTILINE)
        if not count:
            end = "\r\n" if "\r\n" in draft else "\n"
            draft += ("" if draft.endswith("\n") else end) + f"{key}: {value}{end}"
    try:
        if yamlfile.parse(draft, path).value == {**yamlfile.parse(text, path).value, **wanted}:
            return draft
    except UserError:
        pass
    raise CheckFailed(f"{path}: this layout cannot be edited automatically; write by hand: "
                      + ", ".join(f"{key}: {value}" for key, value in wanted.items()))
