"""Pictures of a run. matplotlib without a display."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402  the backend must be chosen first


def confusion_png(matrix: np.ndarray, labels: Sequence[str], title: str, path: Path) -> None:
    """Write a confusion matrix as PNG: counts, coloured by the share of each gold label."""
    support = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, support, out=np.zeros(matrix.shape), where=support > 0)
    side = max(3.6, 0.35 * len(labels) + 2.4)
    figure, axes = pyplot.subplots(figsize=(side + 0.6, side), layout="constrained")
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
    pyplot.close(figure)
