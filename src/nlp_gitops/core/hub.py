"""The words of the Hugging Face hub, whose cards' front matter ours keeps to."""

from collections.abc import Iterable

# The hub's licence identifiers that are an SPDX one in lower case, or without its `-only`. From
# https://huggingface.co/docs/hub/repositories-licenses
LICENSES = frozenset("""
afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0
cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0
cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0
epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 gpl-2.0 gpl-3.0 isc lgpl-2.1 lgpl-3.0 lppl-1.3c mit
mpl-2.0 ms-pl ncsa ofl-1.1 osl-3.0 postgresql unknown unlicense wtfpl zlib
""".split())
TASKS = {"prompt-classification": "text-classification", "ner": "token-classification",
         "summarisation": "summarization"}


def license_keys(spdx: str | None) -> dict[str, str | None]:
    """Return the keys for a licence or `internal`; one that the hub does not know is `other`."""
    short = (spdx or "unknown").lower().removesuffix("-only")
    if short in LICENSES:
        return {"license": short, "license_name": None}
    return {"license": "other", "license_name": short.replace(" ", "-")}


def languages(tags: Iterable[str]) -> list[str]:
    """Return BCP 47 tags as the hub's codes of two or three letters."""
    return list(dict.fromkeys(tag.partition("-")[0].lower() for tag in tags))


def task(name: str) -> str:
    """Return the hub's name of a task."""
    return TASKS.get(name, name)
