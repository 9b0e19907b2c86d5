"""The registry's commands on GitHub: git in a bare repository, the API in the stand-in."""

import json

import pytest
from baking import run, tool
from github_life import HURRY, REPOSITORY, on_github
from github_standin.server import running
from github_standin.world import TOKEN
from registry_kit import NAME, about, against_champion, origin, team_with_models


@pytest.fixture(scope="module")
def prepared(venv):
    return team_with_models(venv)


@pytest.fixture
def project(prepared, tmp_path):
    return on_github(prepared, tmp_path / "team")


@pytest.fixture
def hub(project, tmp_path):
    with running(tmp_path / "hub") as found:
        found.add(REPOSITORY, bare=origin(project))
        yield found
    assert found.protests == []


@pytest.fixture
def on(hub, project):
    """Run a command of the project on its origin."""
    def call(name, *arguments, check=True, **env):
        env = {"GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN,
               "PYTHONPATH": HURRY, **env}
        return tool(project, name, *arguments, "--registry", "origin", check=check, **env)

    return call


@pytest.fixture
def register(on, project):
    """Register a model made elsewhere."""
    def call(number, check=True):
        folder = project.parent / f"made-{number}"
        against_champion(project, folder / "evaluation" / "report.json")
        return on("push_to_registry", "--from", str(folder), "--json", check=check)

    return call


def released(hub, version):
    found, = (item for item in hub.repositories[REPOSITORY].releases.values()
              if not item.draft and item.tag_name == f"{NAME}@{version}")
    return found


def test_from_registration_to_production_and_back(hub, on, register, tmp_path):
    register(0)
    first = released(hub, "v1.0.0")
    for item in first.assets.values():
        (tmp_path / item.name).write_bytes(item.path.read_bytes())
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=tmp_path)
    was_prerelease = first.prerelease
    on("promote", f"{NAME}@v1.0.0", "--to", "Production", "--direct")
    register(1)
    on("promote", f"{NAME}@v1.0.1", "--to", "Production", "--direct")
    latest = hub.repositories[REPOSITORY].latest

    on("rollback", "--reason", "wrong labels")

    assert was_prerelease and not first.prerelease
    assert latest == released(hub, "v1.0.1").id
    assert hub.repositories[REPOSITORY].latest == first.id
    assert on("registry", "verify").returncode == 0
    on("registry", "pull", NAME, "--out", str(tmp_path / "pulled"))
    assert (tmp_path / "pulled" / "model" / "weights.bin").read_text().startswith("model 0")
    hub.faults.plan("refuse", times=1000, status=500)
    on("registry", "pull", NAME, "--offline", "--out", str(tmp_path / "again"))
    assert (tmp_path / "again" / "model" / "weights.bin").is_file()


def test_registering_again_changes_nothing_and_says_so(hub, on, register, project):
    register(0)
    writes = [item for item in hub.requests if item[0] != "GET"]

    done = on("push_to_registry", "--from", str(project.parent / "made-0"))

    assert "nothing to do" in done.stdout
    assert [item for item in hub.requests if item[0] != "GET"] == writes


def test_what_the_ledger_has_and_github_does_not_show_is_finished_by_doctor(
        hub, on, register, tmp_path):
    hub.faults.plan("refuse", "PATCH", times=5, status=502)
    failed = register(0, check=False)

    found = on("registry", "doctor", check=False)
    mended = on("registry", "doctor", "--repair")
    register(1)

    assert failed.returncode == 3 and "doctor --repair" in failed.stderr
    assert found.returncode == 1 and "not published" in found.stdout
    assert mended.returncode == 0
    for version, number in (("v1.0.0", 0), ("v1.0.1", 1)):
        on("registry", "pull", f"{NAME}@{version}", "--out", str(tmp_path / version))
        weights = tmp_path / version / "model" / "weights.bin"
        assert weights.read_text().startswith(f"model {number}")


def test_an_altered_archive_is_found_not_promoted_and_never_unpacked(hub, on, register, tmp_path):
    register(0)
    archive = next(item for item in released(hub, "v1.0.0").assets.values()
                   if item.name == f"{NAME}.tar")
    archive.path.write_bytes(archive.path.read_bytes().replace(b"model 0", b"model 9"))
    pulled = on("registry", "pull", f"{NAME}@staging", "--out", str(tmp_path / "one"), check=False)
    archive.digest = "sha256:" + "0" * 64

    found = on("registry", "verify", check=False)
    refused = on("promote", f"{NAME}@v1.0.0", "--to", "Production", "--direct", check=False)

    assert pulled.returncode == 1 and "was altered (wrong sha256)" in pulled.stderr
    assert list(tmp_path.glob("one")) == []
    assert found.returncode == 1 and f"asset {NAME}.tar is not the registered one" in found.stdout
    assert refused.returncode == 1 and "is not the registered one" in refused.stderr


def test_evidence_of_another_model_is_refused_before_an_upload(hub, register, project):
    path = project.parent / "made-1" / "evaluation" / "report.json"
    path.write_text(json.dumps(about(json.loads(path.read_text()), "0" * 64, None)))

    done = register(1, check=False)

    assert done.returncode == 1 and "about other model files" in done.stderr
    assert hub.requests == []


def test_reading_stages_needs_neither_token_nor_api_nor_pygithub(hub, on, register):
    register(0)
    before = len(hub.requests)

    shown = on("registry", "show", "--json", GITHUB_TOKEN="", PYTHONPROFILEIMPORTTIME="1")

    assert json.loads(shown.stdout)[NAME]["stages"] == {"staging": "v1.0.0"}
    assert len(hub.requests) == before
    imported = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "nlp_gitops.registry.ledger" in imported
    assert not imported & {"github", "requests"}
