"""`registry.py doctor` where the registry is on GitHub: what is torn, forgotten or not set up."""

import json
import os
import shutil
import zipfile

import pytest
from baking import git, run
from github_life import HURRY, REPOSITORY, Life, on_github
from github_standin.server import running
from registry_kit import NAME, origin, rewrite, team_with_models

STUBS = [".github/workflows/on-release.yml", ".github/workflows/on-tag.yml"]
WELL = {"mended": [], "troubles": [], "faults": []}


@pytest.fixture(scope="module")
def prepared(venv):
    return team_with_models(venv)


@pytest.fixture
def life(prepared, tmp_path):
    project = on_github(prepared, tmp_path / "team")
    with running(tmp_path / "hub") as hub:
        hub.add(REPOSITORY, bare=origin(project))
        yield Life(project, hub)
    assert hub.protests == []


def torn(found):
    """Return what is wrong, without advice."""
    return {key: found[key] for key in WELL}


def subjects(found):
    return [item["subject"] for item in found["troubles"]]


def test_a_new_repository_is_well_and_told_what_it_lacks_and_what_is_off(life):
    life.register(0)

    found = life.doctor(code=0)
    shown = life.on("registry", "doctor").stdout.splitlines()

    assert torn(found) == WELL and found["unread"] == []
    assert len(found["settings"]) == 8 and len(found["optional"]) == 8
    assert shown == ["nothing is torn or missing",
                     *(f"not set up: {line}" for line in found["settings"]),
                     *(f"off: {line}" for line in found["optional"])]


def test_a_schedule_that_github_switched_off_is_a_trouble(life):
    life.repository.workflows.update({"ci.yml": "active", "drift.yml": "disabled_inactivity"})

    found = life.doctor(code=1)

    assert subjects(found) == ["workflow drift.yml"]
    assert "60 days" in found["troubles"][0]["message"]
    assert "gh workflow enable drift.yml" in found["troubles"][0]["remedy"]


def test_what_was_set_up_and_then_weakened_is_a_trouble(life):
    life.on("registry", "init-github", "--apply")
    set_up = life.doctor(code=0)
    next(iter(life.repository.rulesets.values()))["enforcement"] = "disabled"

    found = life.doctor(code=1)

    assert set_up["settings"] == [] and found["settings"] == []
    assert subjects(found) == ["ruleset 'registry: events stay'"]
    assert "init-github --apply" in found["troubles"][0]["remedy"]


def test_a_token_that_may_not_look_finds_no_faults(life):
    life.hub.faults.plan("refuse", "GET", "/(rulesets|environments|labels|actions/.*|rules/.*)$",
                         times=99, status=403, message="Resource not accessible")

    found = life.doctor(code=0)

    assert torn(found) == WELL and found["settings"] == []
    assert len(found["unread"]) == 7
    assert all("could not be read with this token (GitHub answers 403 Resource not accessible); "
               "look at " in line for line in found["unread"])


def test_a_ledger_that_is_not_pushed_yet_comes_with_its_stubs_by_one_command(life):
    git(life.bare, "update-ref", "-d", "refs/heads/registry")
    found = life.doctor(code=0)
    command = found["optional"][0].rpartition(": ")[2]

    run("sh", "-c", command, cwd=life.project)

    assert command == "git push origin registry"
    assert not any("ledger" in line or "stub" in line for line in life.doctor()["optional"])


def test_a_ledger_that_a_workflow_began_is_well_and_says_how_to_do_without_stubs(life):
    git(life.bare, "update-ref", "-d", "refs/heads/registry")
    life.on("push_to_registry", "--from", str(life.project.parent / "made-0"),
            GITHUB_ACTIONS="true")

    found = life.doctor("--repair", code=0)

    assert [line.split()[2] for line in found["optional"][:2]] == STUBS
    assert "Actions > promote > Run workflow" in found["optional"][0]
    assert "Actions > registry-verify > Run workflow" in found["optional"][1]
    assert run("git", "ls-tree", "-r", "--name-only", "registry", ".github", cwd=life.bare,
               ).stdout == ""


def test_a_stub_of_another_version_is_no_trouble_and_stays(life, tmp_path):
    life.register(0)
    [wheel] = life.project.glob("vendor/*.whl")
    archive = zipfile.ZipFile(wheel)
    archive.extractall(tmp_path / "newer", [
        name for name in archive.namelist() if name.startswith("nlp_gitops/")])
    path = tmp_path / "newer" / "nlp_gitops" / "registry" / "stubs" / "on-tag.yml"
    path.write_text(path.read_text() + "# newer\n")
    before = git(life.bare, "rev-parse", "registry")

    found = life.doctor("--repair", code=0,
                        PYTHONPATH=f"{tmp_path / 'newer'}{os.pathsep}{HURRY}")

    [line] = [line for line in found["optional"] if "stub" in line]
    assert line.startswith(f"workflow stub {STUBS[1]} is not as this version writes it")
    assert git(life.bare, "rev-parse", "registry") == before


EDITS = {
    "edited": ("echo '# more' >> .github/workflows/on-tag.yml", [STUBS[1]]),
    "removed": ("git rm --quiet .github/workflows/on-release.yml", [STUBS[0]]),
    "both edited": ("for one in .github/workflows/*; do echo '# more' >> $one; done", STUBS),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edited_stub_is_found_with_who_did_it_and_the_way_back(life, tmp_path, case):
    command, paths = EDITS[case]
    life.register(0)
    rewrite(life.project, tmp_path, command, "git commit --quiet --all -m 'maintain workflows'")

    found = life.doctor("--repair", code=1)

    assert subjects(found) == [f"workflow stub {path}" for path in paths]
    assert found["mended"] == [] and found["faults"] == []
    for item in found["troubles"]:
        assert f"{case.split()[-1]} in commit " in item["message"]
        assert "by mallory" in item["message"]
        take_back(life, tmp_path, item["remedy"])
    assert torn(life.doctor(code=0)) == WELL
    assert life.on("registry", "verify").returncode == 0


def take_back(life, tmp_path, remedy):
    """Type what the remedy of an edited stub says, on a clone of the ledger."""
    command = remedy.partition("on branch registry: ")[2].removesuffix(", and push it")
    clone = tmp_path / "ledger"
    run("sh", "-ec", command.replace("git commit", "git commit --quiet"), cwd=clone)
    git(clone, "push", "--quiet", "origin", "registry")


def test_a_promotion_that_github_does_not_show_is_finished(life):
    life.register(0)
    life.hub.faults.plan("refuse", "PATCH", times=5, status=502)
    failed = life.promote("v1.0.0", check=False)

    found = life.doctor(code=1)
    mended = life.doctor("--repair", code=0)

    assert failed.returncode == 3 and "doctor --repair" in failed.stderr
    assert subjects(found) == [f"{NAME}@v1.0.0"]
    assert "is a pre-release, but the version is in production" in found["troubles"][0]["message"]
    assert len(mended["mended"]) == 1 and mended["troubles"] == []
    assert not life.released("v1.0.0").prerelease
    assert life.repository.latest == life.released("v1.0.0").id


def test_a_server_that_still_fails_is_said_and_the_next_repair_finishes(life):
    life.hub.faults.plan("refuse", "PATCH", times=5, status=502)
    life.register(0, check=False)
    life.hub.faults.plan("refuse", "PATCH", times=5, status=502)

    failed = life.doctor("--repair", code=1)
    mended = life.doctor("--repair", code=0)

    [item] = failed["troubles"]
    assert "its release is not published; not mended: " in item["message"]
    assert "502 Server Error" in item["message"]
    assert mended["mended"] and life.released("v1.0.0").prerelease


def test_an_archive_that_is_nowhere_any_more_is_said_with_the_way_to_bring_it(life):
    life.hub.faults.plan("refuse", "PATCH", times=5, status=502)
    life.register(0, check=False)
    life.repository.releases.clear()

    [item] = life.doctor("--repair", code=1)["troubles"]

    assert "no draft with its archive" in item["message"]
    assert "register it again from its packed folder" in item["message"]
    life.register(0)
    assert torn(life.doctor(code=0)) == WELL


def test_forgotten_drafts_of_ours_go_after_a_day_and_no_others(life):
    life.register(0)
    life.hub.faults.plan("refuse", "POST", "/uploads/", times=5, status=500)
    failed = life.register(1, check=False)
    [draft] = [item for item in life.repository.releases.values() if item.draft]
    person = type(draft)(7, "v9", "a person's", "notes", True, False, "main",
                         "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
    life.repository.releases[7] = person

    young = life.doctor("--repair", code=0)
    draft.changed = draft.made = "2020-01-01T00:00:00Z"
    old = life.doctor(code=1)
    kept = draft.id in life.repository.releases
    mended = life.doctor("--repair", code=0)

    assert failed.returncode == 3 and torn(young) == WELL
    assert subjects(old) == [f"draft {draft.id} ({NAME} (not yet registered))"] and kept
    assert old["troubles"][0]["remedy"] == "--repair deletes it"
    assert len(mended["mended"]) == 1 and draft.id not in life.repository.releases
    assert 7 in life.repository.releases and life.released("v1.0.0")


def test_no_draft_is_judged_by_a_ledger_that_is_at_fault(life, tmp_path):
    life.hub.faults.plan("refuse", "POST", "/uploads/", times=5, status=500)
    life.register(0, check=False)
    [draft] = life.repository.releases.values()
    draft.changed = draft.made = "2020-01-01T00:00:00Z"
    life.register(1)
    rewrite(life.project, tmp_path, "echo more >> README.md",
            "git commit --quiet --all --message 'a small fix'")

    found = life.doctor("--repair", code=1)

    assert [fault["code"] for fault in found["faults"]] == ["R003"]
    assert found["mended"] == [] and draft.id in life.repository.releases


def test_a_draft_that_somebody_takes_up_meanwhile_stays(life):
    life.hub.faults.plan("refuse", "POST", "/uploads/", times=5, status=500)
    life.register(0, check=False)
    [draft] = life.repository.releases.values()
    draft.changed = draft.made = "2020-01-01T00:00:00Z"
    life.hub.faults.plan("refuse", "DELETE", "/releases/", times=5, status=502)

    [item] = life.doctor("--repair", code=1)["troubles"]

    assert "was never registered; not mended: " in item["message"]
    assert draft.id in life.repository.releases
    life.register(0)
    assert life.released("v1.0.0").id == draft.id and torn(life.doctor(code=0)) == WELL


# What GitHub's ruleset does for tags: whoever may not pass it deletes none.
RULESET = f"""#!/bin/sh
while read -r old new ref; do
  [ $new != {'0' * 40} ] && continue
  echo "GH013: Repository rule violations found for $ref." >&2; exit 1
done
"""


def test_a_torn_tag_that_may_not_be_deleted_names_the_page_and_who_can(life):
    life.register(0)
    before = git(life.bare, "rev-parse", "registry")
    life.promote("v1.0.0")
    git(life.bare, "update-ref", "refs/heads/registry", before)
    for ref in git(life.project, "for-each-ref", "--format=%(refname)",
                   "refs/nlp-registry").split():
        git(life.project, "update-ref", ref, before)
    hook = life.bare / "hooks" / "pre-receive"
    hook.write_text(RULESET)
    hook.chmod(0o755)
    tag = f"{NAME}#production#3"

    refused = life.on("registry", "doctor", "--repair", check=False)
    [item] = [item for item in life.doctor("--repair", code=1)["troubles"]
              if item["subject"] == f"tag {tag}"]
    kept = git(life.bare, "tag", "--list", tag)
    hook.unlink()
    mended = life.doctor("--repair", code=0)

    assert refused.returncode == 1 and refused.stderr == ""
    assert "was torn from its push: the ledger does not know it; not mended: origin refuses to " \
        f"delete the tag (GH013: Repository rule violations found for refs/tags/{tag}.); on " \
        "GitHub" in item["message"]
    assert ("on GitHub an administrator deletes it at /releases/tag/"
            f"{NAME}%23production%233, with the tag ruleset switched off meanwhile"
            ) in item["message"]
    assert kept == tag and git(life.bare, "tag", "--list", tag) == ""
    assert any(tag in line for line in mended["mended"])


def test_no_tag_is_deleted_that_was_pushed_again_meanwhile(life, tmp_path):
    life.register(0)
    tag = f"{NAME}#production#3"
    event = json.loads(git(life.bare, "for-each-ref", "--format=%(contents:body)",
                           f"refs/tags/{NAME}#staging#2"))
    torn_event = {**event, "seq": 3, "stage": "production", "previous_stage": "staging"}
    text = f"promote\n\n{json.dumps(torn_event, sort_keys=True, separators=(',', ':'))}\n"
    git(life.bare, "-c", "user.name=a", "-c", "user.email=a@b", "tag", "-a", "-m", text, tag,
        f"{NAME}@v1.0.0^{{commit}}")
    # Between the look and the push, somebody puts another one under its name.
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"""#!/bin/sh
case "$*" in *" :refs/tags/"*)
  "$GIT" -C '{life.bare}' -c user.name=a -c user.email=a@b tag -f -a -m later '{tag}' registry;;
esac >/dev/null 2>&1
exec "$GIT" "$@"
""")
    wrapper.chmod(0o755)

    done = life.on("registry", "doctor", "--repair", check=False, GIT=shutil.which("git"),
                   PATH=f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")

    assert done.returncode == 1 and "not mended: somebody changed it meanwhile" in done.stdout
    assert not any(line.startswith("mended:") for line in done.stdout.splitlines())
    assert git(life.bare, "for-each-ref", "--format=%(contents:subject)",
               f"refs/tags/{tag}") == "later"
