"""What a run was made from: digests of data, prompt and code, and the commit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlp_gitops import prompts
from nlp_gitops.core import files, git
from nlp_gitops.core.project import ModelSettings, Project
from nlp_gitops.data.manifest import Manifest

# Serves models and trains none; a change of it does not ask for training.
SERVICE = "service.py"


@dataclass(frozen=True)
class Inputs:
    """Digests of what the work tree holds now. Equal inputs give an equal model."""

    data: str
    prompt: str
    code: str

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """Return which of data, prompt and code differ from recorded ones."""
        return [key for key, value in asdict(self).items() if other.get(key) != value]


def inputs(project: Project, model: ModelSettings, manifest: Manifest) -> Inputs:
    """Digest the work tree's data files, the model's prompt, and the code that trains."""
    data = {"dataset.yaml": manifest.path}
    root = manifest.path.resolve().parent
    data.update({file.path.resolve().relative_to(root).as_posix(): file.path
                 for file in manifest.files if file.url is None})
    # The second folder is the machinery, where `nlp-gitops eject` has unpacked it.
    code = {path.relative_to(project.root).as_posix(): path for folder in ("nlp", "nlp_gitops")
            for path in (project.root / folder).rglob("*.py") if path.name != SERVICE}
    # Elsewhere this locks the machinery by its hash, as every other package.
    code["requirements.txt"] = project.root / "requirements.txt"
    prompt = prompt_of(project, model)
    settings = f"{model.kind}\0{sorted(model.params.items())!r}"
    return Inputs(
        data=files.sha256_files(data),
        prompt=prompt.digest if prompt else "n/a",
        code=files.sha256_text(files.sha256_files(code) + settings))


def prompt_of(project: Project, model: ModelSettings) -> "prompts.Prompt | None":
    """Return the newest version of the model's prompt; None for a model without one."""
    return prompts.current(project.prompts, model.prompt) if model.prompt else None


def prompt_files(project: Project) -> list[Path]:
    """Return every prompt file of the repository, for the record of a run."""
    return sorted(path for path in project.prompts.rglob("prompt_v*") if path.is_file())


def tags(project: Project, model: ModelSettings, manifest: Manifest) -> dict[str, Any]:
    """Return the tags that every run carries."""
    prompt = prompt_of(project, model)
    return {
        "task": model.task,
        "language": project.language,
        "license": project.license,
        "owner": project.owner,
        "dataset_version": manifest.tag,
        "prompt_version": prompt.tag if prompt else "n/a",
        "commit": git.head_commit(project.root),
        "dirty": git.is_dirty(project.root),
    }
