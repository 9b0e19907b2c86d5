"""Hostile and mistaken answers: refused in one line before anything is written, or plain data."""

import subprocess

import pytest
import yaml
from baking import ROOT, cookiecutter, environment, generate, run

REFUSED = [
    ("project", "Bad Name", "for example review-sentiment"),
    ("project", "../evil", "for example review-sentiment"),
    ("project", "-rf", "for example review-sentiment"),
    ("project", 'x"; import os; os.system("touch pwned"); y="', "review-sentiment"),
    ("project", "$(touch pwned)", "for example review-sentiment"),
    ("project", "json", "for example json-model"),
    ("project", "nlp-gitops", "for example nlp-gitops-model"),
    ("project", "sklearn", "for example sklearn-model"),
    ("project", "a" * 64, "at most 63"),
    ("description", "two\nlines", "one line of 1 to 200"),
    ("description", "bell \a", "one line of 1 to 200"),
    ("description", " ", "one line of 1 to 200"),
    ("owner", "x'''); import os", "for example nlp-platform"),
    ("owner", "`id`", "for example nlp-platform"),
    ("github_owner", "a--b", "for example my-company"),
    ("github_owner", "a/b", "for example my-company"),
    ("license", "GPL-99", "for example Apache-2.0"),
    ("language", "english", "for example en, de or pt-BR"),
    ("language", "xx", "for example en, de or pt-BR"),
]


@pytest.mark.parametrize("key, value, hint", REFUSED)
def test_an_answer_that_cannot_work_is_refused_in_one_line(tmp_path, key, value, hint):
    done = cookiecutter(tmp_path / "out", f"{key}={value}")

    complaints = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1
    assert len(complaints) == 1 and complaints[0].startswith(f"error: {key}")
    assert hint in complaints[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert list((tmp_path / "out").iterdir()) == []
    assert not list(tmp_path.rglob("pwned"))


ODDITIES = ["$(touch pwned)", '"""', "\\", "${{ secrets.X }}", "{% raw %}",
            "- [x] <script>alert(1)</script>"]
MORE_ODDITIES = ["`touch pwned`", "'; touch pwned; '", "'''", "key: value # no comment",
                 "%TEMP% | cat"]


@pytest.mark.parametrize("value", [
    *ODDITIES, *(pytest.param(value, marks=pytest.mark.heavy) for value in MORE_ODDITIES)])
def test_harmless_oddities_in_the_description_stay_data(tmp_path, value):
    folder = generate(tmp_path / "out", description=value)

    settings = yaml.safe_load((folder / "project.yaml").read_text(encoding="utf-8"))
    assert settings["description"] == value
    assert not list(tmp_path.rglob("pwned"))


def test_all_wrong_answers_are_named_at_once(tmp_path):
    done = cookiecutter(tmp_path / "out", "project=X", "license=Y", "language=Z")

    assert done.stderr.count("error: ") == 3


def test_the_known_licences_are_spdx_identifiers():
    from packaging.licenses import canonicalize_license_expression

    hook = (ROOT / "hooks" / "pre_gen_project.py").read_text()
    names = hook.split('LICENSES = set("""')[1].split('"""')[0].split()
    for name in names:
        if name != "internal":
            assert canonicalize_license_expression(name) == name


def test_without_git_the_hook_says_so(tmp_path):
    done = cookiecutter(tmp_path / "out", env=environment(PATH=str(tmp_path)))

    assert done.returncode == 1
    assert "error: git is not on PATH; install it and generate again" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_old_cookiecutter_is_named_with_the_mend(tmp_path):
    old = tmp_path / "old"
    run("uv", "venv", "--quiet", old, cwd=tmp_path)
    run("uv", "pip", "install", "--quiet", "--python", old / "bin" / "python",
        "cookiecutter==2.5.0", "setuptools<81", cwd=tmp_path)

    done = subprocess.run([old / "bin" / "cookiecutter", "--no-input", ROOT, "-o", tmp_path],
                          env=environment(HOME=str(tmp_path)), capture_output=True, text=True)

    assert done.returncode == 1
    assert "cookiecutter 2.5.0 is too old for this template; 2.6 or newer is needed" in done.stderr
