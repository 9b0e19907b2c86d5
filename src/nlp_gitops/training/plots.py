"""Pictures of a run. matplotlib without a display and without its global state."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def confusion_png(matrix: np.ndarray, labels: Sequence[str], title: str, path: Path) -> None:
    """Write a confusion matrix as PNG: counts, coloured by the share of each gold label."""
    # A second of work, which only a picture needs.
    from matplotlib.figure import Figure

    support = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    side = max(3.6, 0.35 * len(labels) + 2.4)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="predicted", ylabel="gold",
             xticks=range(len(labels)), yticks=range(len(labels)))
    axes.set_xticklabels(labels, rotation=45 if len(labels) > 4 else 0)
    axes.set_yticklabels(labels)
    if len(labels) <= 20:
        for (row, column), count in np.ndenumerate(matrix):
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, f"{count}\n{shares[row, column]:.0%}", ha="center",
                      va="center", color=colour, fontsize=9)
    figure.colorbar(picture, label="share of the gold label", shrink=0.8)
    # Without the software entry the bytes do not depend on the library's version text.
    figure.savefig(path, dpi=110, metadata={"Software": None})
