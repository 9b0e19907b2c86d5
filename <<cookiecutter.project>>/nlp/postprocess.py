"""From a model's prediction to what callers receive."""

from nlp_gitops.model import Prediction


def answer(prediction: Prediction, digits: int = 4) -> dict[str, object]:
    """Return the public form of a prediction: the label, and its score rounded to `digits`."""
    return {"label": prediction.label,
            "score": round(prediction.scores[prediction.label], digits)}
