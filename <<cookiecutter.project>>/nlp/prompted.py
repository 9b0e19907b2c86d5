"""The model of this repository: a versioned prompt, and a provider that answers it.

Rendering, asking, records, budgets and reading the answer are the machinery's; what goes into the
prompt and how a text is counted are yours.
"""

from nlp_gitops.llm import PromptClassifier

from nlp.preprocess import normalize, tokenize


class PromptModel(PromptClassifier):
    """The label in the provider's answer is the prediction; without one the model abstains."""

    def prepare(self, text: str) -> str:
        """Return what stands for `{text}` in the prompt."""
        return text

    def tokenize(self, text: str) -> list[str]:
        """Return words; a provider's own tokens are known only to it."""
        return tokenize(normalize(text))
