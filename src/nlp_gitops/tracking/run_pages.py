"""Runs as one HTML page that needs nothing else: a chart for each model and metric, and a table."""

from collections.abc import Sequence

from markupsafe import Markup

from nlp_gitops.core import package_files
from nlp_gitops.reporting.charts import Point, line_chart
from nlp_gitops.reporting.markup import Child, document, el
from nlp_gitops.tracking import Run, Unfinished, gate_report
from nlp_gitops.tracking.run_views import MAIN_METRIC, NOTHING, gate_metrics

STYLE = "tracking/run_pages.css"
SHOWN_RUNS = 100


def page(title: str, runs: Sequence[Run], unfinished: Sequence[Unfinished]) -> str:
    """Return the page of runs, given oldest first."""
    style = package_files.text(STYLE)
    models = list(dict.fromkeys(run.model for run in runs))
    return document(
        f"Runs of {title}", style, el("h1", f"Runs of {title}"),
        el("p", f"{len(runs)} finished, {len(unfinished)} unfinished.", class_="note"),
        el("main", (_model(model, [run for run in runs if run.model == model])
                    for model in models), _unfinished(unfinished)))


def _model(name: str, runs: Sequence[Run]) -> Markup:
    recent = runs[-SHOWN_RUNS:]
    values = [{**run.metrics, **{f"test {key}": value
                                 for key, value in gate_metrics(run).items()}} for run in recent]
    metrics = list(dict.fromkeys(key for item in values for key in item))
    left_out = len(runs) - len(recent)
    return el(
        "section", el("h2", el("bdi", name)),
        el("p", f"The newest {len(recent)} of {len(runs)} runs.", class_="note")
        if left_out else None,
        el("div", (line_chart(metric, [
            Point(place, item[metric], run.name, f"#{run.name}")
            for place, (run, item) in enumerate(zip(recent, values, strict=True))
            if metric in item], len(recent), "runs") for metric in metrics), class_="charts"),
        _table(list(reversed(recent))))


def _table(runs: Sequence[Run]) -> Markup:
    head = ("run", "gate", MAIN_METRIC, "test f1_macro", "data", "prompt", "commit", "parameters",
            "seconds")
    return el("div", el("table",
                        el("thead", el("tr", (el("th", name, scope="col") for name in head))),
                        el("tbody", (_row(run) for run in runs))),
              class_="scroll", tabindex="0", role="region", aria_label="table of runs")


def _row(run: Run) -> Markup:
    report = gate_report(run)
    verdict = str(report["verdict"]) if report else NOTHING
    cells: list[Child] = [
        el("span", verdict, class_=f"badge {verdict.lower()}" if report else None),
        _number(run.metrics.get(MAIN_METRIC)), _number(gate_metrics(run).get("f1_macro")),
        _words(run.tags.get("dataset_version")), _words(run.tags.get("prompt_version")),
        [_words(str(run.tags.get("commit"))[:12]),
         el("small", "uncommitted changes") if run.tags.get("dirty") else None],
        _words(", ".join(f"{key}={value}" for key, value in run.params.items())),
        _number(run.details.get("seconds"), 1)]
    return el("tr", el("th", el("bdi", run.name), scope="row"), (el("td", cell) for cell in cells),
              id=run.name)


def _unfinished(runs: Sequence[Unfinished]) -> Markup | None:
    if not runs:
        return None
    return el("section", el("h2", "Unfinished"),
              el("p", "These go on, were stopped or failed. None is a result.", class_="note"),
              el("ul", (el("li", el("bdi", run.name)) for run in runs)))


def _words(value: object) -> Markup:
    return el("bdi", NOTHING if value is None else str(value))


def _number(value: object, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else NOTHING
