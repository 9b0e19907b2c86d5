"""The package's own files: found in a folder and in a wheel, and one digest over all of them."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from baking import environment
from small import ROOT

from nlp_gitops.core import package_files

SOURCE = ROOT / "src" / "nlp_gitops"
PAGES = ROOT / "docs" / "reference"


def test_a_file_is_read_as_it_is():
    assert package_files.read("reporting/templates/style.css") == (
        SOURCE / "reporting" / "templates" / "style.css").read_bytes()
    assert json.loads(package_files.text("schemas/project.schema.json"))["type"] == "object"
    with pytest.raises(FileNotFoundError):
        package_files.read("schemas/no.schema.json")


def test_the_files_of_a_folder_are_listed_in_order_and_none_of_one_that_is_not_there():
    found = package_files.names("schemas")

    assert found == sorted(path.name for path in (SOURCE / "schemas").iterdir())
    assert "schemas" not in package_files.names(".") and "__pycache__" not in found
    assert package_files.names("no/such/folder") == []


def test_contents_are_all_files_but_no_bytecode():
    found = package_files.contents()

    assert {"__init__.py", "cli/main.py", "registry/update-hook.sh"} <= found.keys()
    assert list(found) == sorted(found)
    assert not [name for name in found if "__pycache__" in name or name.endswith(".pyc")]
    assert found["cli/main.py"] == (SOURCE / "cli" / "main.py").read_bytes()


def test_the_digest_is_one_over_names_lengths_and_contents():
    total = hashlib.sha256()
    for name, data in package_files.contents().items():
        total.update(f"{name}\0{len(data)}\0".encode() + data)

    assert package_files.source_digest() == total.hexdigest()


@pytest.mark.parametrize("change", [{"a.py": b"1"}, {"ab.py": b""}, {"a.py": b"", "b": b""}, {}])
def test_another_name_or_content_is_another_digest(monkeypatch, change):
    def digest(contents):
        monkeypatch.setattr(package_files, "contents", lambda: contents)
        return package_files.source_digest.__wrapped__()

    assert digest(change) != digest({"a.py": b""}) == digest({"a.py": b""})


def test_in_a_checkout_reference_pages_are_those_of_its_docs():
    assert package_files.reference_pages() == {
        path.stem: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel's files, the reference pages among them, with one page of its own."""
    path = tmp_path_factory.mktemp("wheel") / "nlp_gitops-0.0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in package_files.contents().items():
            archive.writestr(f"nlp_gitops/{name}", data)
        archive.writestr("nlp_gitops/reference/gates.md", "# Only here\n")
    return path


CODE = """\
import json
from nlp_gitops.core import package_files
print(json.dumps([package_files.__file__, package_files.reference_pages(),
                  package_files.names("schemas"), sorted(package_files.contents()),
                  package_files.text("schemas/project.schema.json")]))
"""


def test_all_of_it_is_found_in_a_wheel_that_is_not_unpacked(wheel, tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE], text=True, capture_output=True,
                          cwd=tmp_path, env=environment(PYTHONPATH=str(wheel)))
    place, pages, schemas, names, text = json.loads(done.stdout)

    assert place.startswith(str(wheel))
    assert pages == {"gates": "# Only here\n"}
    assert schemas == package_files.names("schemas")
    assert names == sorted([*package_files.contents(), "reference/gates.md"])
    assert text == package_files.text("schemas/project.schema.json")
