"""What the harness promises about workflows that it runs, told on tiny ones."""

import time

import pytest
from runner import Step
from runner.tiny import CHECKOUT, DOWNLOAD, UPLOAD, given, steps, when


def test_green_workflow_given_steps_that_pass_then_each_is_a_success(tmp_path):
    result = when(given(tmp_path, steps("- {name: one, run: echo first}",
                                        "- {name: two, run: 'true'}")))

    assert result.exit_code == 0
    assert result.steps == (Step("test", "one", "success"), Step("test", "two", "success"))
    assert result.outcome("test") == "success"
    assert result.failed_step is None
    assert "[test] first" in result.log


def test_red_workflow_given_a_failing_step_then_it_is_named_and_its_last_words_are_kept(tmp_path):
    result = when(given(tmp_path, steps(
        "- {name: fine, run: 'true'}",
        "- {name: broken, run: 'seq 2000; echo the last words; exit 3'}",
        "- {name: never, run: echo too late}")))

    assert result.exit_code != 0
    assert result.failed_step == Step("test", "broken", "failure")
    assert result.outcome("test") == "failure"
    assert result.steps[-1] == Step("test", "never", "skipped")
    assert "the last words" in result.log
    assert "[test] too late" not in result.log


def test_condition_given_a_failure_then_only_steps_that_ask_for_it_run(tmp_path):
    result = when(given(tmp_path, steps(
        "- {name: broken, run: 'false'}",
        "- {name: usual, run: 'true'}",
        "- {name: rescue, if: failure(), run: echo to the rescue}")))

    assert [step.outcome for step in result.steps] == ["failure", "skipped", "success"]
    assert "[test] to the rescue" in result.log


def test_condition_given_nonsense_then_the_step_counts_as_failed(tmp_path):
    result = when(given(tmp_path, steps(
        "- {name: odd, if: \"${{ fromJSON('x').a }}\", run: 'true'}")))

    assert result.failed_step == Step("test", "odd", "failure")


def test_jobs_given_needs_then_artifacts_and_outputs_travel_and_skips_are_seen(tmp_path):
    result = when(given(tmp_path, f"""\
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
              - run: cat in/deep/a.txt; echo "word ${{{{ needs.make.outputs.word }}}}"
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
    with pytest.raises(LookupError, match="no job 'typo'"):
        result.outcome("typo")


def test_summary_given_several_steps_and_a_failure_then_each_part_is_there_once(tmp_path):
    repo = given(
        tmp_path,
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


@pytest.mark.parametrize("concurrency", [
    "{queue: max, group: x}", "{group: x, queue: max}",
    "\n  group: x\n  queue: max # wait\n  cancel-in-progress: false"])
def test_queue_given_a_setting_act_rejects_then_the_workflow_runs(tmp_path, concurrency):
    result = when(given(tmp_path, steps("- run: 'true'",
                                        head=f"on: push\nconcurrency: {concurrency}")))

    assert result.exit_code == 0, result.log


def test_workspace_given_no_checkout_then_it_is_empty_and_the_home_is_the_jobs_own(tmp_path):
    result = when(given(tmp_path, """\
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


def test_matrix_given_one_bad_leg_then_legs_are_told_apart(tmp_path):
    result = when(given(tmp_path, """\
        on: push
        jobs:
          test:
            strategy: {fail-fast: false, max-parallel: 1, matrix: {python: ["3.11", "3.12"]}}
            runs-on: ubuntu-latest
            steps: [{name: go, run: 'echo ::error::x; test ${{ matrix.python }} = 3.12'}]
        """))

    assert set(result.steps) == {Step("test (3.11)", "go", "failure"),
                                 Step("test (3.12)", "go", "success")}
    assert result.outcome("test (3.12)") == "success"
    assert result.outcome("test") == "failure"


def test_reusable_workflow_given_inputs_and_a_secret_then_its_output_returns(tmp_path):
    repo = given(tmp_path, """\
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


def test_local_action_given_inputs_then_its_outputs_environment_and_path_reach_the_job(tmp_path):
    repo = given(
        tmp_path,
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


def test_dispatch_given_inputs_then_the_job_reads_them_and_the_defaults(tmp_path):
    head = ("on:\n  workflow_dispatch:\n    inputs:\n      level: {type: string}\n"
            "      dry: {type: boolean, default: false}\n      kind: {default: usual}")
    repo = given(tmp_path, steps(
        "- run: echo \"$IN\"\n  env: {IN: '${{ inputs.level }} ${{ inputs.kind }}"
        " ${{ github.event.inputs.level }}'}",
        "- {name: real, if: '!inputs.dry', run: 'true'}", head=head))

    result = when(repo, "workflow_dispatch", inputs={"level": "high", "dry": "true"})

    assert "[test] high usual high" in result.log
    assert result.steps[1] == Step("test", "real", "skipped")


def test_secrets_given_them_only_in_the_callers_environment_then_jobs_have_none(tmp_path,
                                                                                monkeypatch):
    monkeypatch.setenv("DEPLOY_KEY", "do-not-tell")
    monkeypatch.setenv("GITHUB_TOKEN", "do-not-tell")
    repo = given(tmp_path, steps("- run: echo \"key <${{ secrets.DEPLOY_KEY }}>\"; env"),
                 **{".secrets": "DEPLOY_KEY=do-not-tell", ".env": "LEAK=do-not-tell"})

    result = when(repo)

    assert "key <>" in result.log
    assert "do-not-tell" not in result.log


def test_secrets_given_to_the_harness_then_jobs_have_them_and_the_log_masks_them(tmp_path):
    result = when(given(tmp_path, steps(
        "- run: echo \"key <$KEY> ${#KEY} token ${#TOKEN} at $GITHUB_API_URL <$GITHUB_TOKEN>\"\n"
        "  env: {KEY: '${{ secrets.KEY }}', TOKEN: '${{ github.token }}'}")),
        secrets={"KEY": "tell-nobody"},
        env={"GITHUB_TOKEN": "stand-in", "GITHUB_API_URL": "http://localhost:1/api"})

    assert "key <***> 11 token 8 at http://localhost:1/api <>" in result.log


def test_unknown_action_given_no_stand_in_then_the_run_fails_and_says_so(tmp_path):
    result = when(given(tmp_path, steps("- {name: odd, uses: someone/something@v1}")))

    assert result.failed_step == Step("test", "odd", "failure")
    assert "no stand-in for someone/something" in result.log


def test_time_given_a_step_without_end_then_the_run_is_ended_with_all_it_started(tmp_path):
    beat = tmp_path / "beat"
    repo = given(tmp_path, steps(f"- run: while sleep 0.1; do echo >> {beat}; done"))

    with pytest.raises(TimeoutError, match="no end after 2 s"):
        when(repo, timeout=2)

    # The hang-up reaches the step a moment after act is gone.
    deadline, before = time.monotonic() + 20, -1
    while before != beat.stat().st_size and time.monotonic() < deadline:
        before = beat.stat().st_size
        time.sleep(1)
    assert beat.stat().st_size == before > 0
