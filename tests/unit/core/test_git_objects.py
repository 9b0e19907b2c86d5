"""Objects of a repository, read through a process that stays open."""

import os
import shutil
import threading

import pytest
import small

from nlp_gitops.core import git, git_objects


def test_a_name_is_read_as_git_reads_it(project):
    head = git.git(project.root, "rev-parse", "HEAD")

    file = git_objects.read(project.root, "HEAD:project.yaml")

    assert git_objects.resolve(project.root, "HEAD^{commit}") == head
    assert (file.kind, file.data) == ("blob", (project.root / "project.yaml").read_bytes())
    assert file.oid == git.git(project.root, "rev-parse", "HEAD:project.yaml")


def test_what_is_missing_is_none_and_the_next_answer_is_the_right_one(project):
    names = ["HEAD:no such file 7", "0" * 40, "HEAD:project.yaml", "not-a-branch"]

    found = list(git_objects.read_all(project.root, names))

    assert [item and item.kind for item in found] == [None, None, "blob", None]


def test_a_folder_lists_its_entries_whatever_they_are_called(project):
    (project.root / "odd").mkdir()
    for name in ("a b", "ä", "tab\t"):
        (project.root / "odd" / name).write_text("x")
    small.commit(project.root, "Odd names")

    tree = git_objects.read(project.root, "HEAD:odd")

    assert set(git_objects.entries(tree)) == {"a b", "ä", "tab\t"}
    assert git_objects.entries(tree)["a b"] == git.git(project.root, "hash-object", "odd/a b")


def test_an_open_reader_sees_what_was_committed_since(project):
    before = git_objects.resolve(project.root, "HEAD")
    (project.root / "later.txt").write_text("x")
    small.commit(project.root, "Later")
    git.git(project.root, "gc", "--quiet", "--prune=now")

    assert git_objects.resolve(project.root, "HEAD") != before
    assert git_objects.read(project.root, "HEAD").text.endswith("Later\n")


def test_another_repository_in_the_same_folder_is_read(project):
    git_objects.resolve(project.root, "HEAD")
    shutil.rmtree(project.root / ".git")
    git.git(project.root, "init", "--quiet")

    assert git_objects.resolve(project.root, "HEAD") is None


def test_a_folder_without_a_repository_says_what_git_says(tmp_path):
    for _ in range(2):
        with pytest.raises(git.GitError, match="not a git repository"):
            git_objects.read(tmp_path, "HEAD")


def test_a_name_with_a_line_feed_cannot_ask_for_two(project):
    with pytest.raises(ValueError, match="line feed"):
        git_objects.read(project.root, "HEAD\nHEAD")
    assert git_objects.read(project.root, "HEAD").kind == "commit"


def test_threads_and_forks_get_their_own_answers(project):
    oids = git.git(project.root, "rev-list", "--objects", "--all", "--no-object-names").split()
    wrong = []

    def look():
        for oid in oids:
            if git_objects.resolve(project.root, oid) != oid:
                wrong.append(oid)

    git_objects.resolve(project.root, "HEAD")
    child = os.fork()
    if child == 0:
        look()
        os._exit(bool(wrong))
    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    look()
    for thread in threads:
        thread.join()

    assert not wrong
    assert os.waitpid(child, 0)[1] == 0
