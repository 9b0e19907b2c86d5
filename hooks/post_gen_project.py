"""Make the generated project a git repository with a ledger. A failed step loses nothing."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ANSWERS = json.loads(r'''<< cookiecutter | tojson >>''')
sys.dont_write_bytecode = True
# `nlp-gitops init` wants the files alone, and brings them into a repository that is there.
FILES_ALONE = "NLP_GITOPS_FILES_ALONE" in os.environ
KUBERNETES = [f"deploy/kubernetes/{name}.yaml" for name in (
    "argo-rollouts/analysis", "argo-rollouts/kustomization", "argo-rollouts/rollout",
    "argo-rollouts/services", "base/autoscaler", "base/deployment", "base/disruption",
    "base/kustomization", "base/network", "base/service")]
TRAINED = ["nlp/classifiers.py", "tests/test_classifiers.py"]
PROMPTED = ["nlp/prompted.py", "tests/injection.yaml", "tests/test_prompts.py",
            "prompts/classify_sentiment/prompt_v0.3.1.txt"]
# Where the part of gates.yaml begins that only models with a prompt are judged by.
PROMPT_RULES = "  # For models that are prompts only"


def prune() -> None:
    """Remove what these answers do not use, and what Python left behind in the template.

    Only files that were just generated go: a project that is generated again has files of its own.
    """
    unused = KUBERNETES if ANSWERS["kubernetes"] == "no" else []
    prompts = ANSWERS["task"] == "prompt-classification"
    if not prompts:
        gates = Path("gates.yaml")
        gates.write_text(gates.read_text(encoding="utf-8").partition(PROMPT_RULES)[0].rstrip()
                         + "\n", encoding="utf-8")
    for path in map(Path, [*unused, *(TRAINED if prompts else PROMPTED)]):
        path.unlink(missing_ok=True)
        for folder in path.parents[:-1]:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    for path in list(Path().rglob("__pycache__")):
        shutil.rmtree(path)


def forget_other_repositories() -> None:
    """Drop what names the repository of a git hook that runs this, or its commits would get ours."""
    names = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True)
    for name in names.stdout.split():
        if not name.startswith("GIT_CONFIG"):
            os.environ.pop(name, None)


def git(*arguments: str) -> str:
    """Run git here and return what it says."""
    return subprocess.run(["git", *arguments], check=True, capture_output=True,
                          text=True).stdout.strip()


def identity() -> None:
    """Let git commit even where it knows no name: as the owner from the answers."""
    for key, variable, value in (("user.name", "NAME", ANSWERS["owner"]),
                                 ("user.email", "EMAIL", "nlp-gitops@localhost")):
        known = subprocess.run(["git", "config", "--get", key], capture_output=True).stdout.strip()
        for role in ("AUTHOR", "COMMITTER"):
            if not known:
                os.environ.setdefault(f"GIT_{role}_{variable}", value)


def first_commit() -> None:
    """Commit everything on `main`, in a repository of its own."""
    forget_other_repositories()
    git("init", "--quiet", "--initial-branch=main")
    identity()
    git("add", "--all")
    git("commit", "--quiet", "--no-verify", "--no-gpg-sign",
        "-m", "Generate from cookiecutter-nlp-gitops")


def ledger_root() -> None:
    """Give the ledger branch `registry` its first commit, ready for the first push."""
    [wheel] = Path.cwd().glob("vendor/nlp_gitops-*.whl")
    sys.path.insert(0, str(wheel))
    from nlp_gitops.registry.transaction import root_files, write_root

    oid = write_root(Path.cwd(), root_files(), int(time.time()))
    git("branch", "registry", oid)


STEPS = (
    (prune, "find . -name __pycache__ -exec rm -r {} +"),
    (first_commit, "git init -b main && git add -A && git commit -m 'Start'"),
    (ledger_root, "the registry makes its branch at the first registration"),
)
for step, by_hand in STEPS[:1] if FILES_ALONE else STEPS:
    try:
        step()
    except (subprocess.CalledProcessError, OSError, ImportError, ValueError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        print(f"warning: {step.__name__.replace('_', ' ')} failed "
              f"({reason.strip().splitlines()[-1]}); the project is whole, do it by hand: "
              f"{by_hand}",
              file=sys.stderr)
        break

if not FILES_ALONE:
    print(f"""
Ready: {Path.cwd().name}/. Next:

  cd {Path.cwd().name}
  make check       # sets up .venv, then lint and your tests
  make pipeline    # data checks, training, gate, registry, production; all on this machine
""")
