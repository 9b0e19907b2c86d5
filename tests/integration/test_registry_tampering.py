"""Whoever changes the registry behind our back is found by `verify`: its tags and its ledger.

The attacker of these tests may do everything: write into the bare repository past its hook and
force pushes. What is done to archives is in `test_registry_archives.py`.
"""

import pytest
from baking import git, tool
from registry_kit import (NAME, annotated, codes, copied, origin, rewrite, team_with_two_versions,
                          verify)

STAGING, PRODUCTION = f"{NAME}#staging#2", f"{NAME}#production#3"
VERSION = f"{NAME}@v1.0.0"


@pytest.fixture
def project(venv, tmp_path):
    """A copy of a team to tamper with; this clone has read the ledger before."""
    return copied(team_with_two_versions(venv), tmp_path / "team")


@pytest.fixture
def stranger(project):
    """Forget what this clone has read before: only the registry itself can tell."""
    for ref in git(project, "for-each-ref", "--format=%(refname)", "refs/nlp-registry").split():
        git(project, "update-ref", "-d", ref)
    return project


def message_of(project, name):
    return git(origin(project), "for-each-ref", "--format=%(contents)", f"refs/tags/{name}")


TAGS = {
    "deleted": ("R020", "is missing; event 2", lambda project: git(
        origin(project), "update-ref", "-d", f"refs/tags/{STAGING}")),
    "lightweight": ("R021", "a bare pointer", lambda project: git(
        origin(project), "update-ref", f"refs/tags/{STAGING}",
        git(origin(project), "rev-parse", f"{STAGING}^{{commit}}"))),
    "moved": ("R022", "instead of", lambda project: annotated(
        project, STAGING, "registry", message_of(project, STAGING))),
    "another message": ("R023", "its message is not that of its event", lambda project: annotated(
        project, STAGING, f"{STAGING}^{{commit}}", "fine, trust me")),
    "another event's tag": ("R023", "its object says tag", lambda project: git(
        origin(project), "update-ref", f"refs/tags/{STAGING}",
        git(origin(project), "rev-parse", f"refs/tags/{PRODUCTION}"))),
    "another time": ("R023", "its time is not that of its event", lambda project: annotated(
        project, STAGING, f"{STAGING}^{{commit}}", message_of(project, STAGING))),
    "inserted version": ("R024", "no event of the ledger made it", lambda project: annotated(
        project, f"{NAME}@v7.0.0", "registry", "a version of mine")),
    "inserted stage": ("R024", "no event of the ledger made it", lambda project: annotated(
        project, f"{NAME}#production#99", f"{VERSION}^{{commit}}", "promoted by me")),
    "inserted for gto": ("R024", "no event of the ledger made it", lambda project: annotated(
        project, f"{VERSION}!", f"{VERSION}^{{commit}}", "deregistered by me")),
}


@pytest.mark.parametrize("case", TAGS)
def test_a_tag_that_was_tampered_with_is_found(stranger, case):
    code, message, tamper = TAGS[case]

    tamper(stranger)

    [fault] = verify(stranger)
    assert fault["code"] == code and message in fault["message"]
    assert fault["hint"] and fault["meaning"]


def test_tags_of_others_are_left_alone(project):
    annotated(project, "release-7", "main", "of the team")
    annotated(project, "other-tool@1.0.0", "main", "of a monorepo")

    assert verify(project) == []


STATE = f"models/{NAME}/state.json"
MANIFEST = f"models/{NAME}/v1.0.0/manifest.json"
EVENT = f"models/{NAME}/events/000/5.json"
REPORT = f"models/{NAME}/events/000/5-report.json"
AMEND = "git commit --quiet --amend --no-edit --all"
LEDGER = {
    "message rewritten": (["git commit --quiet --amend -m 'promote something else'"],
                          ["R003", "R009", "R024"], "holds no event"),
    "reason rewritten": ([
        "git log -1 --format=%B | sed 's/\"reason\":null/\"reason\":\"good\"/' > .git/m",
        "git commit --quiet --amend -F .git/m"], ["R004", "R023"], "differs from the commit's"),
    "event without its own number": ([
        "git log -1 --format=%B | sed 's/\"seq\":5/\"seq\":6/' > .git/m",
        "git commit --quiet --amend -F .git/m"],
        ["R009", "R005", "R020", "R024"], "event 6 does not follow 4"),
    "previous holder forged": ([
        "git log -1 --format=%B | sed 's/\"replaces\":\"v1.0.0\"/\"replaces\":\"v0.9.0\"/' "
        "> .git/m", "git commit --quiet --amend -F .git/m"], ["R004", "R006", "R023"],
        "says that it replaces v0.9.0, but staging held v1.0.0"),
    "state edited in its commit": ([
        f"sed -i 's/\"production\": \"v1.0.0\"/\"production\": \"v1.0.1\"/' {STATE}", AMEND],
        ["R007", "R008"], "not what the events add up to"),
    "state edited in a new commit": ([
        f"sed -i 's/\"production\": \"v1.0.0\"/\"production\": \"v1.0.1\"/' {STATE}",
        "git commit --quiet --all -m 'small fix'"], ["R003"], "holds no event (['small fix'])"),
    "state edited as maintenance": ([
        f"sed -i 's/\"production\": \"v1.0.0\"/\"production\": \"v1.0.1\"/' {STATE}",
        "git commit --quiet --all -m 'maintain the state'"], ["R009"], "maintains, but writes"),
    "manifest edited": ([f"sed -i 's/elsewhere-v1/elsewhere-v2/' {MANIFEST}", AMEND],
                        ["R010"], f"edits {MANIFEST}, which never changes"),
    "event's record edited": ([f"sed -i 's/\"reason\":null/\"reason\":\"x\"/' {EVENT}", AMEND],
                              ["R004"], "differs from the commit's message"),
    "report edited": ([f"sed -i 's/PASS/WARN/' {REPORT}", AMEND], ["R011"],
                      "is not the report that the event names"),
    "report removed": ([f"git rm --quiet {REPORT}", AMEND], ["R009"], f"lacks {REPORT}"),
    "page edited": (["echo '| other | v1 |' >> README.md", AMEND], ["R008"], "README.md"),
    "file smuggled in": ([f"echo x > models/{NAME}/x; git add .", AMEND], ["R009"],
                         f"writes models/{NAME}/x, which its event does not name"),
    "workflow smuggled in": (["mkdir -p .github/workflows; echo x > .github/workflows/own.yml",
                              "git add .", AMEND], ["R009"], "writes .github/workflows/own.yml"),
    "workflow edited": (["echo x >> .github/workflows/on-tag.yml", AMEND], ["R010"], "on-tag.yml"),
    "merged": (["git checkout --quiet --orphan other; git commit --quiet -m other",
                "git checkout --quiet registry",
                "git merge --quiet --allow-unrelated-histories -X ours -m merge other"],
               ["R002", "R003"], "has 2 parents"),
}


@pytest.mark.parametrize("case", LEDGER)
def test_an_edited_ledger_is_found_without_any_memory_of_it(stranger, tmp_path, case):
    commands, expected, message = LEDGER[case]

    rewrite(stranger, tmp_path, *commands)

    faults = verify(stranger)
    assert codes(faults) == expected
    assert any(message in fault["message"] for fault in faults)


@pytest.mark.parametrize("case", ["message rewritten", "page edited"])
def test_a_clone_that_read_the_ledger_before_sees_that_it_was_rewritten(project, tmp_path, case):
    rewrite(project, tmp_path, *LEDGER[case][0])

    shown = tool(project, "registry", "show", "--registry", "origin", check=False)
    assert shown.returncode == 3 and "rewritten" in shown.stderr
    faults = verify(project)
    assert faults[0]["code"] == "R001" and "was rewritten" in faults[0]["message"]


def test_a_commit_inserted_into_the_past_moves_every_later_one(stranger, tmp_path):
    rewrite(stranger, tmp_path, "git rebase --quiet --exec 'git commit --quiet --amend "
            "--no-edit --date=2001-01-01T00:00:00Z' --committer-date-is-author-date HEAD~3")

    faults = verify(stranger)

    assert {"R012", "R022", "R013"} <= set(codes(faults))
    assert f"tag {NAME}@v1.0.1" in {f["subject"] for f in faults if f["code"] == "R022"}


def test_maintenance_outside_of_the_models_is_allowed(project, tmp_path):
    rewrite(project, tmp_path, "mkdir -p .github/workflows; echo x > .github/workflows/on-tag.yml",
            "git add .; git commit --quiet -m 'maintain the workflow stubs'")

    assert verify(project) == []


def test_a_deleted_ledger_is_found_and_put_back(project):
    git(origin(project), "update-ref", "-d", "refs/heads/registry")

    assert [fault["code"] for fault in verify(project)][:1] == ["R001"]
    tool(project, "registry", "doctor", "--repair", "--registry", "origin")
    assert verify(project) == []
