"""What `bench_privacy.py` runs in an environment with presidio and scrubadub: their masking."""

import json
import time
from pathlib import Path

import scrubadub
import tldextract
from presidio_analyzer import PatternRecognizer, predefined_recognizers

ENTITIES = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "US_SSN",
            "URL")
ROWS = 2000


def presidio():
    """Return a masker made of presidio's recognisers by pattern; its models are not loaded."""
    from presidio_analyzer.predefined_recognizers import PhoneRecognizer
    makers = {name: getattr(predefined_recognizers, name)
              for name in dir(predefined_recognizers) if name.endswith("Recognizer")}
    chosen = []
    for maker in makers.values():
        try:
            one = maker()
        except Exception:
            continue
        if isinstance(one, (PatternRecognizer, PhoneRecognizer)) and (
                set(one.supported_entities) & set(ENTITIES)):
            chosen.append(one)

    def masked(text):
        spans = sorted((found.start, found.end) for one in chosen
                       for found in one.analyze(text, one.supported_entities, None)
                       if found.score >= 0.3)
        parts, done = [], 0
        for begin, end in spans:
            if begin >= done:
                parts += (text[done:begin], "[x]")
                done = end
        return "".join((*parts, text[done:]))

    return masked


def main():
    """Mask the first texts with both, and write what came out."""
    rows = json.loads(Path("labelled.json").read_text())[:ROWS]
    # Presidio would fetch the list of public suffixes; the one in the package will do.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR
    scrubber = scrubadub.Scrubber()
    found = {}
    for name, masker in (("presidio, patterns", presidio()), ("scrubadub", scrubber.clean)):
        for row in rows[:20]:
            masker(row["text"])
        begin = time.process_time()
        masked = [masker(row["text"]) for row in rows]
        found[name] = {"seconds": time.process_time() - begin, "masked": masked}
    Path("peers.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
