"""The servers that `bench_serving.py` compares with; run in a baked project: NAME PORT.

All have the same model. `plain` and the two frameworks call scikit-learn as a tutorial would.
"""

import sys
from pathlib import Path

from scipy.sparse import hstack

sys.path.insert(0, ".")
from mlops.serving.release import load_folder  # noqa: E402

_, model = load_folder(Path("build/model"), "peer")


def by_sklearn(text):
    """Return label and score by scikit-learn alone."""
    columns = hstack([model.words.transform([text]), model.characters.transform([text])]).tocsr()
    scores = model.classifier.predict_proba(columns)[0]
    best = int(scores.argmax())
    return {"label": model.labels[best], "score": float(scores[best])}


def plain(port, answer=by_sklearn):
    """FastAPI and nothing else."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Asked(BaseModel):
        text: str

    app = FastAPI()

    @app.post("/predict")
    async def predict(asked: Asked):
        return answer(asked.text)

    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def litserve(port):
    """LitServe, one worker."""
    import litserve

    class Api(litserve.LitAPI):
        def setup(self, device):
            pass

        def decode_request(self, request):
            return request["text"]

        def predict(self, text):
            return by_sklearn(text)

        def encode_response(self, output):
            return output

    litserve.LitServer(Api(api_path="/predict"), accelerator="cpu").run(
        port=port, generate_client_file=False, log_level="warning")


def bentoml(port):
    """BentoML, one worker."""
    from bentoml.server import HTTPServer
    server = HTTPServer("bento_service:Service", port=port, production=True)
    server.start(blocking=True)


if __name__ == "__main__":
    {"plain": plain, "litserve": litserve, "bentoml": bentoml}[sys.argv[1]](int(sys.argv[2]))
