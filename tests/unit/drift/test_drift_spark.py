"""The adapter for Spark in the reference page on drift, on Arrow batches as from `mapInArrow`."""

import textwrap

from drift_kit import line, on_day, write_log
from small import ROOT

from nlp_gitops.drift import embedder
from nlp_gitops.drift.columns import Layout, Reader
from nlp_gitops.drift.inputs import Work, read_log
from nlp_gitops.drift.logs import Faults
from nlp_gitops.drift.profile import from_bytes, measure, merged, to_bytes


def documented():
    """Return the code of the page's section on more than one machine."""
    page = (ROOT / "docs" / "reference" / "drift.md").read_text(encoding="utf-8")
    section = page[page.index("On Spark:"):page.index("## Every week")]
    return textwrap.dedent("\n".join(line for line in section.splitlines()
                                     if line.startswith("    ") or not line))


def test_the_documented_adapter_gives_what_one_machine_gives(tmp_path):
    import pyarrow as pa

    texts = [f"the {thing} is {word}" for thing in ("kettle", "lamp") for word in ("good", "bad")]
    frame = embedder.fit(texts)
    layout = Layout(("positive",), (), (("domain", ("d0",)),), frame.sha256, frame.size)
    lines = [line(number, texts[number % 4], at=on_day(number % 3)) for number in range(200)]
    # A field that some lines lack is null in a batch.
    del lines[3]["status"]
    place = write_log(tmp_path / "log", lines)

    class Frame:
        """A data frame of two partitions."""

        def mapInArrow(self, function, schema):
            batches = [pa.RecordBatch.from_pylist(part) for part in (lines[:90], lines[90:])]
            self.rows = [row for batch in batches for done in function(iter([batch]))
                         for row in done.to_struct_array()]
            return self

        def toLocalIterator(self):
            for row in self.rows:
                yield type("Row", (), {"profile": bytearray(row["profile"].as_py())})

    names = {"pa": pa, "frame_of_log": Frame(), "layout": layout, "frame": frame, "model": "small",
             "Reader": Reader, "Faults": Faults, "measure": measure, "merged": merged,
             "to_bytes": to_bytes, "from_bytes": from_bytes}
    exec(documented(), names)

    assert to_bytes(names["whole"]) == to_bytes(
        read_log(str(place), Work(layout, frame, "small")).profile)
