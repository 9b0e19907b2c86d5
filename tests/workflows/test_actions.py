"""What the stand-ins for published actions do."""

import pytest
from baking import commit, git, run
from runner import Step
from runner.tiny import (ATTEST, CACHE, CHECKOUT, PYTHON, UPLOAD, UV, commit_again, given, steps,
                         when)


@pytest.mark.parametrize(("missing", "outcome"), [("error", "failure"), ("ignore", "success"),
                                                  ("warn", "success")])
def test_upload_given_no_file_then_the_input_decides(tmp_path, missing, outcome):
    result = when(given(tmp_path, steps(
        f"- name: keep\n  uses: {UPLOAD}\n  with: {{path: none, if-no-files-found: {missing}}}")))

    assert result.steps == (Step("test", "keep", outcome),)
    assert "no files were found" in result.log


@pytest.mark.parametrize(("pattern", "outcome"), [("dist/*/*.tar", "success"),
                                                  ("dist/*.tar", "failure")])
def test_attest_given_a_pattern_then_it_names_each_file_and_none_is_a_failure(
        tmp_path, pattern, outcome):
    result = when(given(tmp_path, steps(
        "- run: mkdir -p dist/a dist/b && echo a > dist/a/a.tar && echo b > dist/b/b.tar",
        f"- name: attest\n  uses: {ATTEST}\n  with: {{subject-path: '{pattern}'}}")))

    assert result.steps[-1] == Step("test", "attest", outcome)
    assert result.log.count("[test] attested sha256:") == (2 if outcome == "success" else 0)


def test_cache_given_a_second_run_with_the_key_then_it_hits(tmp_path):
    repo = given(tmp_path, steps(f"""\
        - uses: {CACHE}
          id: cache
          with:
            path: |
              ~/.cache/things
              local
            key: things-${{{{ vars.KEY }}}}
            restore-keys: things-
        - run: |
            echo "hit=<${{{{ steps.cache.outputs.cache-hit }}}}>"
            cat ~/.cache/things/a local/b || true
            mkdir -p ~/.cache/things local; echo kept > ~/.cache/things/a; echo too > local/b
        """))

    first, second, other = (when(repo, variables={"KEY": key}) for key in ("1", "1", "2"))

    assert "hit=<>" in first.log and "[test] kept" not in first.log
    assert "hit=<true>" in second.log and "[test] kept" in second.log and "[test] too" in second.log
    assert "hit=<false>" in other.log and "[test] kept" in other.log


def test_checkout_given_an_older_commit_of_the_event_then_that_is_what_the_job_sees(tmp_path):
    repo = given(tmp_path, steps(
        f"- uses: {CHECKOUT}",
        "- run: echo \"$(git rev-parse HEAD) $GITHUB_SHA $(git branch --show-current)\"; ls"))
    first = git(repo, "rev-parse", "HEAD")
    (repo / "later.txt").touch()
    commit(repo, "second")
    (repo / "uncommitted.txt").touch()

    result = when(repo, payload={"after": first, "ref": "refs/heads/main"})

    assert f"[test] {first} {first} main" in result.log, result.log
    assert "later.txt" not in result.log and "uncommitted.txt" not in result.log


@pytest.mark.parametrize(("depth", "count"), [(1, 1), (0, 2)])
def test_checkout_given_a_depth_then_history_is_as_deep(tmp_path, depth, count):
    repo = given(tmp_path, steps(
        f"- {{uses: '{CHECKOUT}', with: {{fetch-depth: {depth}}}}}",
        "- run: echo \"$(git rev-list --count HEAD) commits, tags <$(git tag)>\""))
    commit_again(repo)
    git(repo, "tag", "v1")

    assert f"{count} commits, tags <{'' if depth else 'v1'}>" in when(repo).log


def test_checkout_given_a_ref_then_branches_and_tags_are_found(tmp_path):
    repo = given(tmp_path, steps(
        f"- {{uses: '{CHECKOUT}', with: {{ref: side, path: a}}}}",
        f"- {{uses: '{CHECKOUT}', with: {{ref: v1, path: b}}}}",
        "- run: ls a b; git -C a status --branch --short; git -C b describe --tags"))
    git(repo, "tag", "v1")
    git(repo, "checkout", "--quiet", "-b", "side")
    commit_again(repo)
    git(repo, "checkout", "--quiet", "main")

    result = when(repo)

    assert "[test] ## side...origin/side" in result.log, result.log
    assert "[test] v1" in result.log


def test_origin_given_one_of_the_caller_then_pushes_arrive_there_only(tmp_path):
    repo = given(tmp_path, steps(f"- uses: {CHECKOUT}",
                                 "- run: git tag made && git push origin made"))
    before = git(repo, "for-each-ref")
    run("git", "clone", "--quiet", "--bare", repo, tmp_path / "origin.git", cwd=tmp_path)

    result = when(repo, env={"HARNESS_ORIGIN": str(tmp_path / "origin.git")})

    assert result.exit_code == 0, result.log
    assert git(tmp_path / "origin.git", "tag") == "made"
    assert git(repo, "for-each-ref") == before and git(repo, "status", "--short") == ""


def test_set_up_given_python_and_uv_then_both_are_there_without_the_tests_packages(tmp_path):
    # The machine may have a uv of its own.
    uv = "- run: 'test \"$(command -v uv)\" {} \"$RUNNER_TEMP/setup-uv/uv\"'"
    result = when(given(tmp_path, steps(
        uv.format("!="), f"- uses: {PYTHON}\n  id: python", f"- uses: {UV}", uv.format("="),
        "- run: uv venv --quiet e && e/bin/python -c 'print(\"made\")'",
        "- run: '! python -c \"import pytest\" && test \"$(command -v python3)\" = "
        "\"$pythonLocation/bin/python3\"'")))

    assert result.exit_code == 0, result.log
    assert "[test] made" in result.log
