"""Checks on what the manifest says about the data: licence and language."""

from collections.abc import Iterator

from nlp_gitops.core.errors import UserError
from nlp_gitops.core.project import check_language, check_license
from nlp_gitops.data.manifest import Manifest
from nlp_gitops.data.quality import Remark


def check(manifest: Manifest) -> Iterator[Remark]:
    """Yield D090 for a missing licence and D091 for an unknown licence or language."""
    if manifest.license is None:
        yield Remark("D090", "no license: nobody knows whether the rows may be used", (),
                     "add license: with an SPDX identifier such as CC-BY-4.0, or internal")
    else:
        try:
            check_license(manifest.license)
        except UserError as error:
            yield Remark("D091", str(error), ("license",))
    for language in manifest.languages:
        try:
            check_language(language)
        except UserError as error:
            yield Remark("D091", str(error), ("language",))
        allowed = manifest.checks.get("allowed_languages")
        if allowed is not None and language not in allowed:
            yield Remark("D091", f"language {language} is not in allowed_languages "
                         f"{', '.join(allowed)}", ("language",))
