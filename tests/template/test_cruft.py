"""Updating a generated project with cruft: create, check, update."""

from baking import commit, environment, run


def cruft(*arguments, cwd, check=True):
    home = cwd / ".." / "home"
    home.mkdir(exist_ok=True)
    return run("cruft", *arguments, cwd=cwd, check=check, env=environment(HOME=str(home.resolve())))


def test_a_changed_template_file_arrives_in_the_project(template, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    cruft("create", str(template), "--no-input", cwd=work)
    project = work / "review-sentiment"
    commit(project, "Remember the template")
    (project / "nlp" / "ours.py").write_text("OURS = True\n")
    commit(project, "Our own work")
    assert cruft("check", cwd=project).returncode == 0

    path = template / "<<cookiecutter.project>>" / "gates.yaml"
    path.write_text(path.read_text() + "\n# a line from the newer template\n")
    commit(template, "Move on")
    assert cruft("check", cwd=project, check=False).returncode == 1
    cruft("update", "--skip-apply-ask", cwd=project)

    assert "a line from the newer template" in (project / "gates.yaml").read_text()
    assert (project / "nlp" / "ours.py").is_file()
    assert cruft("check", cwd=project).returncode == 0
