"""What the harness promises about workflows that it runs, told on tiny ones."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import commit, git, run
from runner import Result, Step, run_workflow

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
CACHE = "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
UV = "astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d"


@pytest.fixture
def given(tmp_path: Path) -> Callable[..., Path]:
    """Make a repository that holds the files named by keyword, `__` standing for a slash."""
    def make(ci: str, **files: str) -> Path:
        repo = tmp_path / "repo"
        repo.mkdir()
        git(repo, "init", "--quiet", "--initial-branch=main")
        for name, text in {".github/workflows/ci.yml": ci, **files}.items():
            path = repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        commit(repo, "first")
        return repo
    return make


@pytest.fixture
def when(tmp_path: Path) -> Callable[..., Result]:
    """Run the workflow of a repository; on a push unless told otherwise."""
    def start(repo: Path, event: str = "push", **more) -> Result:
        return run_workflow(repo, "ci.yml", event, workdir=tmp_path / "work",
                            **{"timeout": 60, **more})
    return start


def steps(*lines: str, head: str = "on: push") -> str:
    """Return a workflow of one job, `test`, with these steps."""
    block = textwrap.indent("\n".join(map(textwrap.dedent, lines)), "      ")
    return f"{head}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{block}\n"


def test_green_workflow_given_steps_that_pass_then_each_is_a_success(given, when):
    result = when(given(steps("- {name: one, run: echo first}", "- {name: two, run: 'true'}")))

    assert result.exit_code == 0
    assert result.steps == (Step("test", "one", "success"), Step("test", "two", "success"))
    assert result.outcome("test") == "success"
    assert result.failed_step is None
    assert "[test] first" in result.log


def test_red_workflow_given_a_failing_step_then_it_is_named_and_its_last_words_are_kept(given,
                                                                                        when):
    result = when(given(steps(
        "- {name: fine, run: 'true'}",
        "- {name: broken, run: 'seq 2000; echo the last words; exit 3'}",
        "- {name: never, run: echo too late}")))

    assert result.exit_code != 0
    assert result.failed_step == Step("test", "broken", "failure")
    assert result.outcome("test") == "failure"
    assert result.steps[-1] == Step("test", "never", "skipped")
    assert "the last words" in result.log
    assert "[test] too late" not in result.log


def test_condition_given_a_failure_then_only_steps_that_ask_for_it_run(given, when):
    result = when(given(steps(
        "- {name: broken, run: 'false'}",
        "- {name: usual, run: 'true'}",
        "- {name: rescue, if: failure(), run: echo to the rescue}")))

    assert [step.outcome for step in result.steps] == ["failure", "skipped", "success"]
    assert "[test] to the rescue" in result.log


def test_condition_given_nonsense_then_the_step_counts_as_failed(given, when):
    result = when(given(steps("- {name: odd, if: \"${{ fromJSON('x').a }}\", run: 'true'}")))

    assert result.failed_step == Step("test", "odd", "failure")


def test_jobs_given_needs_then_artifacts_and_outputs_travel_and_skips_are_seen(given, when):
    result = when(given(f"""\
        on: push
        jobs:
          make:
            runs-on: ubuntu-latest
            outputs:
              word: ${{{{ steps.say.outputs.word }}}}
            steps:
              - run: mkdir -p out/deep && echo data > out/deep/a.txt && touch out/b.log out/.hid
              - uses: {UPLOAD}
                with:
                  name: parcel
                  path: |
                    out/
                    !out/*.log
                  if-no-files-found: error
              - id: say
                run: echo "word=hello" >> "$GITHUB_OUTPUT"
          use:
            needs: make
            runs-on: ubuntu-latest
            steps:
              - uses: {DOWNLOAD}
                with: {{name: parcel, path: in}}
              - run: cat in/deep/a.txt; find in -type f; echo "word ${{{{ needs.make.outputs.word }}}}"
          never:
            if: github.event_name == 'schedule'
            runs-on: ubuntu-latest
            steps: [run: 'true']
        """))

    assert result.outcome("use") == "success", result.log
    assert result.outcome("never") == "skipped"
    assert "[use] data" in result.log and "[use] word hello" in result.log
    assert [path.relative_to(result.artifacts).as_posix()
            for path in result.artifacts.rglob("*") if path.is_file()] == ["parcel/deep/a.txt"]
    with pytest.raises(KeyError, match="no job 'typo'"):
        result.outcome("typo")


@pytest.mark.parametrize(("missing", "outcome"), [("error", "failure"), ("ignore", "success"),
                                                  ("warn", "success")])
def test_upload_given_no_file_then_the_input_decides(given, when, missing, outcome):
    result = when(given(steps(
        f"- {{name: keep, uses: '{UPLOAD}', with: {{path: none, if-no-files-found: {missing}}}}}")))

    assert result.steps == (Step("test", "keep", outcome),)
    assert "no files were found" in result.log


def test_summary_given_several_steps_and_a_failure_then_each_part_is_there_once(given, when):
    repo = given(
        steps(f"- uses: {CHECKOUT}",
              "- uses: ./.github/actions/setup",
              "- run: echo '# second' >> $GITHUB_STEP_SUMMARY; false"),
        **{".github/actions/setup/action.yml": """\
            runs:
              using: composite
              steps:
                - {shell: bash, run: 'echo "# inner" >> $GITHUB_STEP_SUMMARY'}
                - {shell: bash, run: 'echo "# last" >> $GITHUB_STEP_SUMMARY'}
            """})

    assert when(repo).summary == "# inner\n# last\n# second\n"


def test_cache_given_a_second_run_with_the_key_then_it_hits(given, when):
    repo = given(steps(f"""\
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


@pytest.mark.parametrize("concurrency", [
    "{queue: max, group: x}", "{group: x, queue: max}",
    "\n  group: x\n  queue: max # wait\n  cancel-in-progress: false"])
def test_queue_given_a_setting_act_rejects_then_the_workflow_runs(given, when, concurrency):
    result = when(given(steps("- run: 'true'", head=f"on: push\nconcurrency: {concurrency}")))

    assert result.exit_code == 0, result.log


def test_checkout_given_an_older_commit_of_the_event_then_that_is_what_the_job_sees(given, when):
    repo = given(steps(
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
def test_checkout_given_a_depth_then_history_is_as_deep(given, when, depth, count):
    repo = given(steps(f"- {{uses: '{CHECKOUT}', with: {{fetch-depth: {depth}}}}}",
                       "- run: echo \"$(git rev-list --count HEAD) commits, tags <$(git tag)>\""))
    commit_again(repo)
    git(repo, "tag", "v1")

    assert f"{count} commits, tags <{'' if depth else 'v1'}>" in when(repo).log


def test_checkout_given_a_ref_then_branches_and_tags_are_found(given, when):
    repo = given(steps(
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


def test_origin_given_one_of_the_caller_then_pushes_arrive_there_only(given, when, tmp_path):
    repo = given(steps(f"- uses: {CHECKOUT}", "- run: git tag made && git push origin made"))
    before = git(repo, "for-each-ref")
    run("git", "clone", "--quiet", "--bare", repo, tmp_path / "origin.git", cwd=tmp_path)

    result = when(repo, env={"HARNESS_ORIGIN": str(tmp_path / "origin.git")})

    assert result.exit_code == 0, result.log
    assert git(tmp_path / "origin.git", "tag") == "made"
    assert git(repo, "for-each-ref") == before and git(repo, "status", "--short") == ""


def test_workspace_given_no_checkout_then_it_is_empty_and_the_home_is_the_jobs_own(given, when):
    result = when(given("""\
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            steps: [run: 'touch ~/left-behind; echo "<$(ls -A)>"']
          b:
            needs: a
            runs-on: ubuntu-latest
            steps: [run: 'test ! -e ~/left-behind && test ! -t 0 && test ! -t 1 && test ! -t 2']
        """))

    assert "[a] <>" in result.log
    assert result.outcome("b") == "success", result.log


def test_matrix_given_one_bad_leg_then_legs_are_told_apart(given, when):
    result = when(given("""\
        on: push
        jobs:
          test:
            strategy: {fail-fast: false, matrix: {python: ["3.11", "3.12"]}}
            runs-on: ubuntu-latest
            steps: [{name: go, run: 'test ${{ matrix.python }} = 3.11'}]
        """))

    assert set(result.steps) == {Step("test (3.11)", "go", "success"),
                                 Step("test (3.12)", "go", "failure")}
    assert result.outcome("test") == "failure"


def test_reusable_workflow_given_inputs_and_a_secret_then_its_output_returns(given, when):
    repo = given("""\
        on: push
        jobs:
          call:
            uses: ./.github/workflows/called.yml
            with: {word: hello}
            secrets: {KEY: "${{ secrets.KEY }}"}
          after:
            needs: call
            runs-on: ubuntu-latest
            steps: [run: 'echo "got ${{ needs.call.outputs.answer }}"']
        """, **{".github/workflows/called.yml": """\
        on:
          workflow_call:
            inputs: {word: {type: string, required: true}}
            secrets: {KEY: {required: true}}
            outputs: {answer: {value: "${{ jobs.inner.outputs.answer }}"}}
        jobs:
          inner:
            runs-on: ubuntu-latest
            outputs: {answer: "${{ steps.say.outputs.answer }}"}
            steps:
              - id: say
                name: say
                env: {KEY: "${{ secrets.KEY }}", WORD: "${{ inputs.word }}"}
                run: echo "answer=$WORD ${#KEY}" >> "$GITHUB_OUTPUT"
        """})

    result = when(repo, secrets={"KEY": "12345"})

    assert result.outcome("call") == result.outcome("call / inner") == "success", result.log
    assert Step("call / inner", "say", "success") in result.steps
    assert "[after] got hello 5" in result.log


def test_local_action_given_inputs_then_its_outputs_environment_and_path_reach_the_job(given,
                                                                                       when):
    repo = given(
        steps(f"- uses: {CHECKOUT}",
              "- {name: Set up, id: set, uses: ./.github/actions/setup, with: {word: hello}}",
              "- run: tool; echo \"$WORD ${{ steps.set.outputs.word }}\""),
        **{".github/actions/setup/action.yml": """\
            inputs: {word: {default: nothing}}
            outputs: {word: {value: "${{ steps.inner.outputs.word }}"}}
            runs:
              using: composite
              steps:
                - id: inner
                  shell: bash
                  run: |
                    echo "word=${{ inputs.word }}" >> "$GITHUB_OUTPUT"
                    echo "WORD=env" >> "$GITHUB_ENV"
                    mkdir bin; printf '#!/bin/sh\\necho a tool\\n' > bin/tool; chmod +x bin/tool
                    echo "$PWD/bin" >> "$GITHUB_PATH"
            """})

    result = when(repo)

    assert "[test] env hello" in result.log and "[test] a tool" in result.log
    assert [step.name for step in result.steps][1] == "Set up"


def test_dispatch_given_inputs_then_the_job_reads_them_and_the_defaults(given, when):
    head = ("on:\n  workflow_dispatch:\n    inputs:\n      level: {type: string}\n"
            "      dry: {type: boolean, default: false}\n      kind: {default: usual}")
    repo = given(steps("- run: echo \"$IN\"\n  env: {IN: '${{ inputs.level }} ${{ inputs.kind }}"
                       " ${{ github.event.inputs.level }}'}",
                       "- {name: real, if: '!inputs.dry', run: 'true'}", head=head))

    result = when(repo, "workflow_dispatch", inputs={"level": "high", "dry": "true"})

    assert "[test] high usual high" in result.log
    assert result.steps[1] == Step("test", "real", "skipped")


def test_secrets_given_them_only_in_the_callers_environment_then_jobs_have_none(given, when,
                                                                               monkeypatch):
    monkeypatch.setenv("DEPLOY_KEY", "do-not-tell")
    monkeypatch.setenv("GITHUB_TOKEN", "do-not-tell")
    repo = given(steps("- run: echo \"key <${{ secrets.DEPLOY_KEY }}>\"; env"),
                 **{".secrets": "DEPLOY_KEY=do-not-tell", ".env": "LEAK=do-not-tell"})

    result = when(repo)

    assert "key <>" in result.log
    assert "do-not-tell" not in result.log


def test_secrets_given_to_the_harness_then_jobs_have_them_and_the_log_masks_them(given, when):
    result = when(given(steps(
        "- run: echo \"key <$KEY> ${#KEY} token ${#TOKEN} at $GITHUB_API_URL <$GITHUB_TOKEN>\"\n"
        "  env: {KEY: '${{ secrets.KEY }}', TOKEN: '${{ github.token }}'}")),
        secrets={"KEY": "tell-nobody"},
        env={"GITHUB_TOKEN": "stand-in", "GITHUB_API_URL": "http://localhost:1/api"})

    assert "key <***> 11 token 8 at http://localhost:1/api <>" in result.log


def test_set_up_given_python_and_uv_then_both_are_there_without_the_tests_packages(given, when):
    result = when(given(steps(
        "- run: '! command -v uv'", f"- uses: {PYTHON}\n  id: python", f"- uses: {UV}",
        "- run: uv venv --quiet e && e/bin/python -c 'print(\"made\")'",
        "- run: '! python -c \"import pytest\" && test \"$(command -v python3)\" = "
        "\"$pythonLocation/bin/python3\"'")),
        env={"PATH": os.environ["PATH"]})

    assert result.exit_code == 0, result.log
    assert "[test] made" in result.log


def test_unknown_action_given_no_stand_in_then_the_run_fails_and_says_so(given, when):
    result = when(given(steps("- {name: odd, uses: someone/something@v1}")))

    assert result.failed_step == Step("test", "odd", "failure")
    assert "no stand-in for someone/something" in result.log


def test_time_given_a_step_without_end_then_the_run_is_ended_with_all_it_started(given, when,
                                                                                tmp_path):
    repo = given(steps(f"- run: echo $$ > {tmp_path}/pid; sleep 300"))

    with pytest.raises(TimeoutError, match="no end after 3 s"):
        when(repo, timeout=3)

    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def commit_again(repo: Path) -> None:
    """Commit a second file."""
    (repo / "second.txt").touch()
    commit(repo, "second")
