"""The registry's life cycle on a real GitHub repository, one line for each step.

Called by `make live-check REPO=OWNER/NAME`. The repository must be empty: it gets branches `main`
and `registry`, tags and releases, and keeps them unless --clean is given. The token comes from
GITHUB_TOKEN, GH_TOKEN or the program `gh`, and needs the right to write contents and workflows.

examples:
  gh repo create OWNER/NAME --private && make live-check REPO=OWNER/NAME
  python scripts/live_check.py OWNER/NAME --clean
"""

import argparse
import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = "review-sentiment"
_PERSON = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
           for part, value in (("NAME", "live-check"), ("EMAIL", "live-check@localhost"))}


class Failed(Exception):
    """A step went wrong; the text is the line that says why."""


@dataclass(frozen=True)
class Place:
    """Where it runs: the project, the repository's address, and the environment of commands."""

    project: Path
    url: str
    env: dict[str, str]

    def run(self, *command: str) -> str:
        """Run a command in the project; return what it prints, or raise Failed with its reason."""
        folder = self.project if self.project.is_dir() else ROOT
        done = subprocess.run(command, cwd=folder, env=self.env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise Failed(f"exit code {done.returncode}: {said[-1]}")
        return done.stdout

    def tool(self, name: str, *arguments: str) -> str:
        """Run `python tools/NAME.py` as a person would."""
        return self.run(".venv/bin/python", f"tools/{name}.py", *arguments)


def main() -> int:
    """Run the steps until one fails; return 0, 1 for a failed step, 3 without a token."""
    options = _arguments().parse_args()
    secret = _token(options.host)
    if not secret:
        print("error: no token; set GITHUB_TOKEN, or type: gh auth login --hostname "
              f"{options.host}", file=sys.stderr)
        return 3
    folder = Path(tempfile.mkdtemp(prefix="live-check-"))
    place = Place(folder / MODEL, f"https://{options.host}/{options.repository}.git",
                  _environment(options.host, secret))
    # What was there before is nobody's to clean up.
    if not _shown("the repository is there and empty", lambda: _check_empty(place)):
        return 1
    good = all(_shown(name, step) for name, step in _steps(place, options.host))
    if options.clean:
        good = _shown("clean up", lambda: _clean(place, options.host, options.repository)) and good
        print("branch main stays; delete the repository: gh repo delete OWNER/NAME")
    print(f"the project is in {folder}")
    return 0 if good else 1


def _arguments() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("repository", metavar="OWNER/NAME", help="an empty repository")
    found.add_argument("--host", default="github.com", help="github.com or an Enterprise server")
    found.add_argument("--clean", action="store_true",
                       help="delete the releases, tags and the ledger that were made")
    return found


def _token(host: str) -> str | None:
    given = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    if given or not shutil.which("gh"):
        return given
    done = subprocess.run(["gh", "auth", "token", "--hostname", host], capture_output=True,
                          text=True)
    return done.stdout.strip() or None


def _environment(host: str, secret: str) -> dict[str, str]:
    """Return the environment of every command: the token for git and the API, and an identity."""
    kept = {key: value for key, value in os.environ.items()
            if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV", "GITHUB_ACTIONS")}
    number = int(kept.get("GIT_CONFIG_COUNT", "0"))
    header = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
    return {**kept, **_PERSON, "GITHUB_TOKEN": secret, "GIT_TERMINAL_PROMPT": "0",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": f"http.https://{host}/.extraheader",
            f"GIT_CONFIG_VALUE_{number}": f"AUTHORIZATION: basic {header}"}


def _steps(place: Place, host: str) -> Iterator[tuple[str, Callable[[], object]]]:
    origin = ("--registry", "origin")
    yield "generate a project", lambda: place.run(
        sys.executable, "-m", "cookiecutter", "--no-input", str(ROOT), "-o",
        str(place.project.parent))
    yield "set up its environment", lambda: place.run("make", "setup")
    yield "push main and registry", lambda: _push_first(place, host)
    yield "register a first version", lambda: _version(place)
    yield "promote it", lambda: _promote(place, "v1.0.0")
    yield "push a change", lambda: _change(place)
    yield "register a second version", lambda: _version(place)
    yield "promote it, against the first", lambda: _promote(place, "v1.0.1")
    yield "verify", lambda: place.tool("registry", "verify", *origin)
    yield "roll back", lambda: place.tool("rollback", "--reason", "live check", *origin)
    yield "show the first in production", lambda: _check_shown(place)
    yield "pull it", lambda: place.tool("registry", "pull", f"{MODEL}@production", "--out",
                                        str(place.project.parent / "pulled"), *origin)
    yield "verify again", lambda: place.tool("registry", "verify", *origin)
    yield "nothing is left torn", lambda: place.tool("registry", "doctor", *origin)


def _check_empty(place: Place) -> None:
    refs = place.run("git", "ls-remote", place.url)
    if refs:
        raise Failed(f"{place.url} has {len(refs.splitlines())} refs already; make a new one: "
                     "gh repo create OWNER/NAME --private")


def _push_first(place: Place, host: str) -> None:
    if host != "github.com":
        _edit(place, "registry:\n", f"registry:\n  github_host: {host}\n", "Name the host")
    place.run("git", "remote", "add", "origin", place.url)
    place.run("git", "push", "--quiet", "-u", "origin", "main", "registry")


def _version(place: Place) -> None:
    """Train, judge, pack and register what the work tree holds."""
    place.tool("train")
    place.tool("eval_gate", "--registry", "origin")
    place.tool("pack_model")
    place.tool("push_to_registry", "--stage", "Staging", "--registry", "origin")


def _promote(place: Place, version: str) -> None:
    place.tool("promote", f"{MODEL}@{version}", "--to", "Production", "--registry", "origin",
               "--direct")


def _change(place: Place) -> None:
    _edit(place, "c: 4.0", "c: 3.0", "Regularise more")
    place.run("git", "push", "--quiet", "origin", "main")


def _edit(place: Place, old: str, new: str, message: str) -> None:
    path = place.project / "project.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    place.run("git", "commit", "--quiet", "--all", "--no-gpg-sign", "-m", message)


def _check_shown(place: Place) -> None:
    shown = place.tool("registry", "show", "--json", "--registry", "origin")
    if '"production": "v1.0.0"' not in shown:
        raise Failed(f"production is not v1.0.0: {' '.join(shown.split())}")


def _clean(place: Place, host: str, repository: str) -> None:
    """Delete what was made, by the generated project's own PyGithub and by git."""
    code = ("import sys; from nlp_gitops.registry.github_client import Connection; "
            "repo = Connection(*sys.argv[1:3]).repo; "
            "[page.delete_release() for page in list(repo.get_releases()) "
            "if page.tag_name.startswith(sys.argv[3] + '@')]")
    place.run(".venv/bin/python", "-c", code, host, repository, MODEL)
    refs = [line.split()[1] for line in place.run("git", "ls-remote", place.url).splitlines()]
    made = [ref for ref in refs if ref == "refs/heads/registry"
            or ref.startswith((f"refs/tags/{MODEL}@", f"refs/tags/{MODEL}#"))
            and not ref.endswith("^{}")]
    place.run("git", "push", "--quiet", place.url, "--delete", *made)


def _shown(name: str, step: Callable[[], object]) -> bool:
    """Do a step and print its line; say whether it went well."""
    begin = time.monotonic()
    try:
        step()
    except Failed as failure:
        print(f"FAILED  {name}: {failure}", flush=True)
        return False
    print(f"OK      {name} ({time.monotonic() - begin:.0f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
