"""What the comment on a pull request says: the gate's report, or why there is none."""

from pathlib import Path

from nlp_gitops.core.errors import UserError
from nlp_gitops.github.finished import Finished
from nlp_gitops.reporting import markdown
from nlp_gitops.reporting.output import read_report
from nlp_gitops.reporting.report import view

MARK = "model-gate"


def text(report: Path, run: Finished | None) -> str:
    """Return the comment. The report may come from a stranger's fork: it is rendered anew here."""
    link = f"\n[The run with all reports]({run.url})\n" if run else ""
    if not report.is_file():
        return _without(run) + link
    try:
        return markdown.comment(view(read_report(report))) + link
    except UserError as error:
        return (f"## 🚫 The report cannot be read\n\n{markdown.escape(str(error))}\n"
                + link)


def is_news(report: Path, run: Finished | None) -> bool:
    """Say whether the comment is worth making where there is none yet."""
    return report.is_file() or run is None or run.conclusion != "success"


def _without(run: Finished | None) -> str:
    if run and run.conclusion == "success":
        return ("## ✅ Nothing to measure\n\nNothing that the model is made of or judged by "
                "changed, so it was not trained again.\n")
    return ("## ❌ The checks failed\n\nThe evaluation gate did not run, or could not finish. "
            "The annotations on the changed files say what to mend.\n")
