"""What `bench_serving.py` compares with, in a baked project: scikit-learn in a plain route.

The frameworks call the same function.
"""

import sys
from pathlib import Path

from scipy.sparse import hstack

sys.path.insert(0, ".")
from nlp_gitops.serving.release import load_folder  # noqa: E402

_, model = load_folder(Path("build/model"), Path.cwd(), "peer")


def by_sklearn(text):
    """Return label and score by scikit-learn alone."""
    columns = hstack([model.words.transform([text]), model.characters.transform([text])]).tocsr()
    scores = model.classifier.predict_proba(columns)[0]
    best = int(scores.argmax())
    return {"label": model.labels[best], "score": float(scores[best])}


def plain(port):
    """FastAPI and nothing else."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Asked(BaseModel):
        text: str

    app = FastAPI()

    @app.post("/predict")
    async def predict(asked: Asked):
        return by_sklearn(asked.text)

    uvicorn.run(app, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    plain(int(sys.argv[1]))
