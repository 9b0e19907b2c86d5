"""An issue form of `.github/ISSUE_TEMPLATE/`, filled in as GitHub does it."""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from nlp_gitops.core.project import Project
from nlp_gitops.privacy import Masker
from nlp_gitops.reporting.markdown import escape

_TITLE_CHARACTERS = 120


@dataclass(frozen=True)
class Form:
    """`fields` holds (id, label, description) in their order."""

    title: str
    labels: tuple[str, ...]
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Page:
    """A filled form. `mark` names what it is about, so that a repetition finds it."""

    title: str
    labels: tuple[str, ...]
    mark: str
    text: str

    @property
    def body(self) -> str:
        """Return the text with its mark, which readers do not see."""
        return f"<!-- {self.mark} -->\n{self.text}"


def read(project: Project, name: str) -> Form:
    """Return the form in `.github/ISSUE_TEMPLATE/NAME.yml`."""
    path = project.root / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml"
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Form(value["title"], tuple(value["labels"]), tuple(
        (item["id"], item["attributes"]["label"], item["attributes"].get("description", ""))
        for item in value["body"] if item["type"] != "markdown"))


def fill(form: Form, title: str, mark: str, values: Mapping[str, str]) -> Page:
    """Return the page; a field without a value shows what should be written there."""
    parts = [f"### {label}\n\n{values.get(key) or f'_{description}_'}\n"
             for key, label, description in form.fields]
    short = title if len(title) <= _TITLE_CHARACTERS else title[:_TITLE_CHARACTERS - 1] + "…"
    return Page(form.title + short, form.labels, mark, "\n".join(parts))


def plain(project: Project, text: str) -> str:
    """Return text from anywhere as Markdown that is only text, without personal data."""
    return escape(mask(project, text))


def mask(project: Project, text: str) -> str:
    """Return text on one line, without personal data."""
    return Masker(project.language)(" ".join(text.split()))
