"""Refuse answers that cannot work, before any file is written. Answers are data, never code."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

RENDERED = r'''<< cookiecutter | tojson >>'''
PYTHON, COOKIECUTTER = (3, 11), (2, 6)

# ISO 639-1, and three-letter codes that language data sets use.
LANGUAGES = set("""
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv
dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie
ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv
mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm
rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts
tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
arz ary ast bar ceb ckb cmn dsb fil frr gsw haw hmn hsb ilo kab krc lmo mai mul nan nap nds new
pcm pnb sah scn szl und vec war wuu yue zgh
""".split())
LICENSES = set("""
internal 0BSD AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-2.0 BlueOak-1.0.0
BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSL-1.0 BUSL-1.1 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-4.0
CC-BY-NC-ND-4.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDLA-Permissive-1.0
CDLA-Permissive-2.0 CDLA-Sharing-1.0 CECILL-2.1 ECL-2.0 EPL-2.0 EUPL-1.2 GPL-2.0-only
GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only
LGPL-3.0-or-later MIT MIT-0 MPL-2.0 MS-PL MulanPSL-2.0 NCSA ODbL-1.0 ODC-By-1.0 OFL-1.1 OSL-3.0
PDDL-1.0 PostgreSQL Python-2.0 Unlicense UPL-1.0 W3C Zlib
""".split())
OURS = {"data", "deploy", "dist", "docs", "nlp", "nlp_gitops", "prompts", "reports", "runs",
        "tests", "tools", "vendor"}
DEPENDENCIES = {"jsonschema", "matplotlib", "numpy", "packaging", "pytest", "scipy", "skops",
                "sklearn", "yaml", "pip", "setuptools"}


def faults(answers: dict[str, str]) -> list[str]:
    """Return one line for each answer that cannot work: which, why, and one that does."""
    name, found = answers["project"], []
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", name):
        found.append(f"project {name!r}: use lower case letters, digits and '-', at most 63; "
                     "for example review-sentiment")
    elif name.replace("-", "_") in sys.stdlib_module_names | OURS | DEPENDENCIES:
        found.append(f"project {name!r}: hides a Python module or a folder of this name; "
                     f"for example {name}-model")
    text = answers["description"]
    if not text.strip() or len(text) > 200 or not text.isprintable():
        found.append("description: one line of 1 to 200 printable characters; for example "
                     "'Sentiment of product reviews.'")
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,60}[A-Za-z0-9])?", answers["owner"]):
        found.append(f"owner {answers['owner']!r}: use letters, digits, space, '.', '_' and '-'; "
                     "for example nlp-platform")
    # Its default is made of the owner, so a bad owner is reason enough.
    elif not re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", answers["github_owner"]):
        found.append(f"github_owner {answers['github_owner']!r}: not a GitHub user or organisation "
                     "name; for example my-company")
    tag = re.fullmatch(r"([a-z]{2,3})(-[A-Z][a-z]{3})?(-(?:[A-Z]{2}|[0-9]{3}))?",
                       answers["language"])
    if not tag or tag[1] not in LANGUAGES:
        found.append(f"language {answers['language']!r}: not a known BCP 47 tag; "
                     "for example en, de or pt-BR")
    if answers["license"] not in LICENSES:
        found.append(f"license {answers['license']!r}: not a known SPDX identifier; for example "
                     "Apache-2.0, CC-BY-4.0, or internal")
    return found


def missing_tools() -> list[str]:
    """Return one line for each thing that this machine lacks."""
    found = []
    if sys.version_info < PYTHON:
        found.append("cookiecutter runs on Python %d.%d; 3.11 or newer is needed"
                     % sys.version_info[:2])
    try:
        from cookiecutter import __version__
        if tuple(map(int, __version__.split(".")[:2])) < COOKIECUTTER:
            found.append(f"cookiecutter {__version__} is too old for this template; 2.6 or newer "
                         "is needed: pipx upgrade cookiecutter")
    except (ImportError, ValueError):
        pass
    if not shutil.which("git"):
        found.append("git is not on PATH; install it and generate again")
    return found


def stop_quietly() -> None:
    """Interrupt the command that runs this hook, so that it ends without a traceback.

    cookiecutter prints a traceback when a hook fails. Interrupted, it says only "Aborted!". Other
    callers, such as a test that runs cookiecutter inside its own process, are left alone.
    """
    record = Path(f"/proc/{os.getppid()}/cmdline")
    if record.exists():
        words = record.read_text(errors="replace").split("\0")
    else:
        listing = subprocess.run(["ps", "-o", "args=", "-p", str(os.getppid())],
                                 capture_output=True, text=True)
        words = listing.stdout.split()
    names = [Path(word).name for word in words[:3]]
    if "cookiecutter" not in names[:2] and names[1:] != ["-m", "cookiecutter"]:
        return
    folder = Path.cwd()
    if not os.listdir(folder):
        os.chdir("..")
        folder.rmdir()
        os.kill(os.getppid(), signal.SIGINT)


# An old cookiecutter renders nothing here, so the tools come first.
problems = missing_tools() or faults(json.loads(RENDERED))
for problem in problems:
    print(f"error: {problem}", file=sys.stderr)
if problems:
    sys.stderr.flush()
    stop_quietly()
    sys.exit(1)
