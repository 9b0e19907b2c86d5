"""Pages of the reference, made from code and schemas, so that none can lag behind.

Called by scripts/site_pages.py. Help texts come from each command's own parser, shapes of files
from the JSON Schemas, and those of the ledger from its classes. Pages about a subject are written
by hand: docs/reference/.
"""

import argparse
import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "<<cookiecutter.project>>"
sys.path.insert(0, str(ROOT / "src"))
# Help texts as wide as a page, without a terminal's colours.
os.environ |= {"COLUMNS": "84", "NO_COLOR": "1"}

from nlp_gitops.cli import frame  # noqa: E402
from nlp_gitops.cli.main import CI_COMMANDS, COMMANDS  # noqa: E402
from nlp_gitops.core import errors, package_files  # noqa: E402
from nlp_gitops.data import codes  # noqa: E402
from nlp_gitops.registry import packaging  # noqa: E402
from nlp_gitops.registry import diagnosis, events  # noqa: E402

MADE = "Made from the code by `scripts/reference.py`.\n\n"
SCHEMAS = {"project": "project.yaml", "gates": "gates.yaml", "dataset": "data/dataset.yaml",
           "prompt": "header of a prompt file", "behaviour": "tests/behaviour.yaml",
           "report": "reports/report.json of the gate", "drift_report": "reports/drift/report.json"}


class _Captured(Exception):
    """Carries a command's parser out of its `main`."""


def pages() -> dict[str, str]:
    """Return the reference: file name -> Markdown."""
    return {"commands.md": commands(), "exit-codes.md": exit_codes(), "codes.md": finding_codes(),
            "files.md": file_shapes(), "ledger.md": ledger()}


def commands() -> str:
    """Return what every command and every `make` target says of itself."""
    parts = [f"# Commands\n\n{MADE}Every command is run as `nlp-gitops NAME` in a project, with "
             "its `.venv` active. A step of the pipeline has a door as well: `python "
             "tools/NAME.py` does the same. Flags may be typed with `-` or `_`.\n"]
    for name in COMMANDS:
        parts.append(f"## {name.replace('_', '-')}\n")
        if (TEMPLATE / "tools" / f"{name}.py").is_file():
            parts.append(f"Door: `python tools/{name}.py`.\n")
        parts += [usage(parser) for parser in parsers(name, f"nlp-gitops {name}")]
    parts.append("## ci\n\nOnly workflows call these.\n")
    for name in CI_COMMANDS:
        parts.append(f"### ci {name.replace('_', '-')}\n")
        parts += [usage(parser) for parser in parsers(name, f"nlp-gitops ci {name}")]
    targets = re.findall(r"^([a-z-]+):.*?  ## (.*)$",
                         (TEMPLATE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    rows = [f"| `make {name}` | {_cell(text)} |" for name, text in targets]
    return "\n".join([*parts, "## make\n", "| target | does |", "|---|---|", *rows]) + "\n"


def usage(parser: argparse.ArgumentParser) -> str:
    """Return a parser's help: its sentences as text, what follows them as a block."""
    about = (parser.description or "").split("\n\n")
    sentences = list(takewhile(lambda part: not re.match(r"[a-z ]+:", part), about))
    parser.description = "\n\n".join(about[len(sentences):])
    text = "\n\n".join(sentences).replace("<", "&lt;")
    return f"{text}\n\n```text\n{parser.format_help().rstrip()}\n```\n"


def parsers(name: str, program: str) -> Iterator[argparse.ArgumentParser]:
    """Yield a command's parser and those of its subcommands; the command itself does not run."""
    frame.program = program.replace("_", "-")
    module = importlib.import_module(f"nlp_gitops.cli.{name}")

    def capture(parser: argparse.ArgumentParser, *_: Any) -> None:
        raise _Captured(parser)

    with (mock.patch.object(argparse.ArgumentParser, "parse_args", capture),
          mock.patch.object(argparse.ArgumentParser, "parse_intermixed_args", capture)):
        try:
            module.main([])
        except _Captured as captured:
            found = captured.args[0]
    yield found
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, parser in action.choices.items():
                parser.prog = f"{found.prog} {name}"
                yield parser


def exit_codes() -> str:
    """Return the table of exit codes, from the classes that end with them."""
    rows = ["| 0 | passed, perhaps with warnings |"]
    for kind in (errors.CheckFailed, errors.UsageError, errors.NotMeasured, errors.Conflict):
        rows.append(f"| {kind.exit_code} | {_cell(inspect.getdoc(kind))} |")
    rows += ["| 130 | interrupted by the keyboard |", "| 141 | the reader of a pipe left |"]
    return (f"# Exit codes\n\n{MADE}They mean the same in every command. `make` says "
            "`Error N` with the command's code and itself ends with 2.\n\n"
            "| code | meaning |\n|---:|---|\n" + "\n".join(rows) + "\n")


def finding_codes() -> str:
    """Return every code of a finding or fault in one table for each letter."""
    findings = (ROOT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    prompts = re.findall(r"^\| (P\d{3}) \| [^|]+ \| (.+) \|$", findings, re.MULTILINE)
    parts = [f"# Finding codes\n\n{MADE}Levels, and which version bump mends what: "
             "[findings](findings.md); how to mend a registry: [registry](registry.md).\n"]
    for title, rows in (("Data: check-schema", codes.TITLES.items()),
                        ("Prompts: check-prompts", prompts),
                        ("Registry: registry verify", diagnosis.CODES.items())):
        parts += [f"## {title}\n", "| code | meaning |", "|---|---|",
                  *(f"| {code} | {_cell(text)} |" for code, text in rows), ""]
    return "\n".join(parts)


def file_shapes() -> str:
    """Return a table of keys for each file that has a JSON Schema."""
    parts = [f"# Files\n\n{MADE}The schemas are in the package, in `nlp_gitops/schemas/`; an "
             "editor that is told of them checks these files while they are written. **Bold** keys "
             "must be there.\n"]
    for name, title in SCHEMAS.items():
        schema = _schema(name)
        parts += [f"## {title}\n", f"{schema.get('title', '')}\n", *_table(schema)]
    return "\n".join(parts)


def _schema(name: str) -> dict[str, Any]:
    return json.loads(package_files.text(f"schemas/{name}.schema.json"))


def _table(schema: Mapping[str, Any]) -> list[str]:
    """Return a table of a schema's keys."""
    return ["| key | value | meaning |", "|---|---|---|",
            *(f"| {key} | {_cell(kind)} | {_cell(text)} |"
              for key, kind, text in _keys(schema, schema, "")), ""]


def _keys(schema: Mapping[str, Any], root: Mapping[str, Any],
          prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield (key, kind, meaning) for everything below an object or array of a schema."""
    schema = _resolved(schema, root)
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        # What one alternative needs is not needed by the others.
        yield from ((key.strip("*"), *rest) for key, *rest in _keys(option, root, prefix))
    for name, value in schema.get("properties", {}).items():
        value, text = _resolved(value, root), f"`{prefix}{name}`"
        yield (f"**{text}**" if name in schema.get("required", ()) else text, _kind(value, root),
               value.get("description", ""))
        yield from _keys(value, root, f"{prefix}{name}.")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _keys(schema["additionalProperties"], root, f"{prefix}NAME.")
    if "items" in schema:
        yield from _keys(schema["items"], root, f"{prefix[:-1]}[].")


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(schema, bool):
        return {}
    if "$ref" in schema:
        found = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _kind(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """Return what a value may be, in a few words."""
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if options:
        return " or ".join(dict.fromkeys(_kind(_resolved(one, root), root) for one in options))
    if "enum" in schema or "const" in schema:
        return ", ".join(str(item) for item in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else kind
    limits = (("from", "minimum"), ("above", "exclusiveMinimum"), ("to", "maximum"))
    return " ".join([words, *(f"{word} {schema[key]}" for word, key in limits if key in schema)])


def ledger() -> str:
    """Return the shapes of what the registry stores."""
    parts = [f"# Manifest and ledger\n\n{MADE}Where these files lie: "
             "[registry](registry.md).\n",
             "## manifest.json\n",
             f"Schema `{packaging.MANIFEST_SCHEMA}`, in `nlp_gitops/schemas/manifest.schema.json`. "
             "**Bold** keys must be there. Registration is refused unless these say something: "
             f"{', '.join(f'`{key}`' for key in packaging.LINEAGE)}.\n",
             *_table(_schema("manifest"))]
    for title, kind, schema in (("Event", events.Event, events.EVENT_SCHEMA),
                                ("state.json", events.State, events.STATE_SCHEMA),
                                ("state.json, `versions`", events.VersionState, None)):
        about = f"{inspect.getdoc(kind)}\n"
        parts += [f"## {title}\n", f"Schema `{schema}`. {about}" if schema else about,
                  "| field | type | always there |", "|---|---|---|",
                  *(f"| `{item.name}` | `{_cell(_type(item.type))}` | "
                    f"{'yes' if item.default is item.default_factory is MISSING else 'no'} |"
                    for item in fields(kind)), ""]
    return "\n".join(parts)


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else (
        str(kind).replace("typing.", "").replace("collections.abc.", "")
        .replace("nlp_gitops.registry.events.", ""))


def _cell(text: str) -> str:
    """Return a text that stays in one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
