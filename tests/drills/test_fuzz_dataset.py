"""Hostile rows and manifests: the fast path equals the plain one; only UserError escapes.

More than 10,000 files of rows and 10,000 manifests are generated: valid ones with random parts, and
random edits of their bytes. The worst files of full size are checked with a limit on time and
memory.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp_gitops.core.errors import UserError
from nlp_gitops.data.check import measure
from nlp_gitops.data.codes import TITLES, Collector, severities
from nlp_gitops.data.command import check_and_fix
from nlp_gitops.data.manifest import load_manifest

pytestmark = pytest.mark.heavy

MANY = settings(max_examples=4000, deadline=None, database=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])

MANIFEST = """\
name: fuzz
version: 1.0.0
schema:
  id: string
  text: {{type: string, min_length: 2, max_length: 40}}
  label: {{enum: [good, bad, "schön", "no"]}}
  stars: {{type: integer, required: false}}
  price: {{type: number, required: false, nullable: true}}
  ok: {{type: boolean, required: false}}
  group: {{type: string, required: false, pattern: "^[a-z0-9é ]+$"}}
quality_checks: {{max_length: 30, max_null_text_pct: 50, pii: warn}}
splits: {splits}
"""
RATIOS = "{train: 0.5, valid: 0.2, test: 0.3, group: group}"
NO_GROUP = "{train: 0.5, test: 0.5}"

texts = st.one_of(
    st.text(max_size=50),
    st.text("ab é\u00a0\u3000\t\n\"\\/\u2028\ufffd\x7f\x85ÃÂâ©😀", max_size=12),
    st.sampled_from(["", " ", "\u00a0", "fine", "quite fine", "Quite  FINE", "a@b.co",
                     "call +1 212 444 1212", "\ud800", "x\udc00y", "\x00", "ﬁne"]))
numbers = st.one_of(
    st.integers(-10, 10), st.integers(), st.floats(), st.just(10**20), st.just(2**53 + 1),
    st.just(-0.0), st.just(1e300))
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
values = st.one_of(scalars, st.lists(scalars, max_size=2),
                   st.dictionaries(texts, scalars, max_size=2))
usual = {
    "id": st.one_of(st.from_regex("r-[0-9]{1,2}", fullmatch=True), values),
    "text": st.one_of(texts, texts, values),
    "label": st.one_of(st.sampled_from(["good", "bad", "schön", "no", "god", "Good"]), values),
    "stars": st.one_of(st.integers(-5, 5), values),
    "price": st.one_of(st.none(), st.floats(0, 9), st.integers(0, 9), values),
    "ok": st.one_of(st.booleans(), values),
    "group": st.one_of(st.sampled_from(["g1", "g2", "é"]), values),
    "more": values,
    "mo\u00e9\"re": values,
}
clean = {
    "id": st.from_regex("r-[0-9]{1,3}", fullmatch=True),
    "text": st.text("abc déf😀\"\\\n", min_size=2, max_size=30).filter(str.strip),
    "label": st.sampled_from(["good", "bad", "schön", "no"]),
    "stars": st.integers(-5, 5), "ok": st.booleans(),
    "group": st.sampled_from(["g1", "g2", "g3"]),
}
LINES = st.sampled_from([
    b"", b" ", b"\r", b"{}", b"[]", b"null", b"1", b'"x"', b"NaN", b"{", b"\xff", b"\xef\xbb\xbf{}",
    b'{"id": "a", "id": "b", "text": "twice", "label": "good"}',
    b'{"id": "a", "text": NaN, "label": "good"}',
    b'{"id": "a", "text": "x\\ud800y", "label": "bad"}',
    b'{"id": "a", "text": "pair \\ud83d\\ude00", "label": "bad"}',
    b'{"id": "a", "text": "\\u0020\\t", "label": "bad"}', b'{"id": "a", "text": "tab\there"}',
    b'{"id": "a", "text": "fine", "label": "good", "stars": -0}',
    b'{"id": "a", "text": "fine", "label": "good", "stars": 01}',
    b'{"id": "a", "text": "fine", "label": "good", "stars": 1e2}',
    b'{"id": "a", "text": "fine", "label": "good", "stars": ' + b"9" * 5000 + b"}",
    b'{"id": "a", "text": "fine", "label": "good", "more": ' + b"[" * 60 + b"]" * 60 + b"}",
    b"[" * 100_000, b'{"a":' * 100_000, b'{"id": "a", "text": "\xed\xa0\x80", "label": "bad"}',
    b'{"id": "a", "text": "\xc0\x80", "label": "bad"}', b'{"id": "a", "text": "half \xf0\x9f',
])


# Values as they stand in the file, each at the edge of what the fast path may accept.
TOKENS = st.sampled_from([
    '"x\\ud800y"', '"x\\uDFFFy"', '"x\\ud83d\\ude00y"', '"x\\ud83dx\\ude00y"', '"x\\ud7ffy"',
    '"x\\ue000y"',
    '"\\u0020\\t"', '"\\u00a0\\u3000"', '"\\u0041\\u00e9"', '"\\/x\\"y"', '"\\x41"', '"a\\',
    '"\\u12"', '""',
    '" "', '" x"', '"\u00a0"', '"\u00a0x"', '"x\u2028y"', '"x\x7fy"', '"x\x00y"', '"x\ufffd"',
    '"Ã©"', '"â€"',
    '"' + "x" * 30 + '"', '"' + "x" * 31 + '"', '"' + "é" * 30 + '"', '"' + "\\u00e9" * 31 + '"',
    '"x"', '"xy"',
    "-0", "0", "00", "1.0", "1e2", "1E400", "-1", "+1", "999999999999999", "1000000000000000",
    "9007199254740992", "9007199254740993", "0.1", ".1", "1.", "0.1234567890123456", "NaN", "true",
    "false", "null", "True", "[]", "{}", '["x"]', '"good"', '"no"', '"g1"', '"G1"', '"g1" ',
    '"g\\u0031"',
])


def clean_line_with_token(name: str, token: str) -> bytes:
    """Return a good line in which one value is replaced."""
    values = {"id": '"r-1"', "text": '"fine text"', "label": '"good"', "stars": "1", "ok": "true",
              "group": '"g1"', name: token}
    return ("{" + ", ".join(f'"{key}": {value}' for key, value in values.items()) + "}").encode()


@st.composite
def line(draw: st.DrawFn) -> bytes:
    """Return one JSON line, usual or odd, in one of several layouts."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(LINES)
    if kind == 9:
        return clean_line_with_token(draw(st.sampled_from(list(clean))), draw(TOKENS))
    source = usual if kind < 4 else clean
    names = draw(st.permutations(list(source))) if kind == 1 else list(source)
    dropped = draw(st.sets(st.sampled_from(names), max_size=2)) if kind < 6 else set()
    row = {name: draw(source[name]) for name in names if name not in dropped}
    ascii_only = draw(st.booleans())
    separators = draw(st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")]))
    text = json.dumps(row, ensure_ascii=ascii_only, separators=separators)
    data = text.encode("utf-8", "surrogatepass")
    if kind in (2, 3) and data:
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + draw(st.integers(0, 3)):]
    return data + draw(st.sampled_from([b"", b"", b"", b"\r", b" ", b"\t\r"]))


@st.composite
def row_file(draw: st.DrawFn) -> bytes:
    """Return the bytes of a JSONL file of a few lines."""
    lines = draw(st.lists(line(), min_size=0, max_size=8))
    data = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"])) + b"\n".join(lines)
    return data + draw(st.sampled_from([b"\n", b"\n", b"", b"\n\n"]))


def outcome(manifest: Path, fast: bool) -> object:
    """Return all that a check finds, as a value that can be compared."""
    found = Collector(severities(load_manifest(manifest).checks))
    measured = measure(load_manifest(manifest), found, fast)
    table = measured.table
    columns = [getattr(table, name).tolist() for name in
               ("ids", "texts", "folded", "groups", "labels", "lengths", "lines", "splits")]
    return (found.findings, dict(found.counts), columns, table.label_names, measured.parts,
            measured.test_sha256)


@pytest.mark.parametrize("splits", [RATIOS, NO_GROUP])
@MANY
@given(data=st.data())
def test_fast_path_equals_plain_path(splits: str, tmp_path: Path, data: st.DataObject) -> None:
    # Given a file of valid, faulty and damaged lines
    manifest = tmp_path / "dataset.yaml"
    manifest.write_text(MANIFEST.format(splits=splits))
    (tmp_path / "rows.jsonl").write_bytes(data.draw(row_file()))
    # When it is read by both paths
    fast, plain = outcome(manifest, True), outcome(manifest, False)
    # Then they agree in every finding and every remembered value
    assert fast == plain


@MANY
@given(lines=st.lists(line(), min_size=1, max_size=3), times=st.integers(1, 400))
def test_fast_path_equals_plain_path_over_blocks(tmp_path: Path, lines: list[bytes],
                                                 times: int) -> None:
    # Given files of several blocks
    manifest = tmp_path / "dataset.yaml"
    manifest.write_text(MANIFEST.format(splits=NO_GROUP))
    good = b'{"id": "r", "text": "a good and long text of a row", "label": "good"}'
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join([good] * times + lines + [good] * times))
    # When / then
    assert outcome(manifest, True) == outcome(manifest, False)


KEYS = st.sampled_from(["name", "version", "description", "license", "language", "files", "schema",
                        "quality_checks", "splits", "test_sha256", "text", "label", "enum", "type",
                        "train", "test", "group", "severity", "pii", "min_rows", "max_length", "x"])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
                  st.sampled_from(["string", "rows.jsonl", "../rows.jsonl", "/etc/passwd", ".",
                                   "1.0.0", "off", "no", "en", "train.csv", "a.parquet", "é",
                                   "0.8"]))
TREES = st.recursive(PLAIN, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=12)
WHOLE = {
    "name": "fuzz", "version": "1.0.0", "license": "internal",
    "schema": {"text": "string", "label": {"enum": ["good", "bad"]}},
    "quality_checks": [{"min_rows": 1}], "splits": {"train": 0.8, "test": 0.2}}


def is_judged(manifest: Path, fix: bool) -> None:
    """Check a manifest; anything but a report or a UserError of one line is a failure."""
    try:
        report, _ = check_and_fix(manifest, None, fix)
    except UserError as error:
        assert str(error) and error.exit_code in (1, 2, 3)
        return
    assert report.verdict in ("PASS", "WARN", "FAIL")
    assert all(finding.code in TITLES for finding in report.findings)
    json.dumps(report.as_dict()).encode()
    assert all("\n" not in finding.as_text() for finding in report.findings)


@MANY
@given(key=KEYS, tree=TREES, fix=st.booleans())
def test_manifests_with_any_value(tmp_path: Path, key: str, tree: object, fix: bool) -> None:
    manifest = tmp_path / "dataset.yaml"
    (tmp_path / "rows.jsonl").write_text('{"text": "fine", "label": "good"}\n')
    manifest.write_text(json.dumps({**WHOLE, key: tree}), encoding="utf-8")
    is_judged(manifest, fix)


@MANY
@given(at=st.integers(0, 400), cut=st.integers(0, 20), extra=st.one_of(
    st.binary(max_size=6), st.sampled_from([
        b"&a ", b"*a", b"!!python/x ", b"\t", b"- ", b": ", b"{", b"[", b"|\n", b"\xff", b"\x00",
        b"<<: ", b"---\n"])))
def test_manifests_with_damaged_bytes(tmp_path: Path, at: int, cut: int, extra: bytes) -> None:
    manifest = tmp_path / "dataset.yaml"
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "text": "fine", "label": "good"}\n')
    whole = MANIFEST.format(splits=RATIOS).encode()
    manifest.write_bytes(whole[:at] + extra + whole[at + cut:])
    is_judged(manifest, fix=True)


@MANY
@given(data=st.binary(max_size=200), name=st.sampled_from(
    ["rows.jsonl.gz", "rows.csv", "rows.tsv", "rows.parquet"]), intact=st.booleans())
def test_other_files_with_any_bytes(tmp_path: Path, data: bytes, name: str, intact: bool) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    manifest = tmp_path / "dataset.yaml"
    manifest.write_text(MANIFEST.format(splits=NO_GROUP))
    if intact:
        data = gzip.compress(data) if name.endswith(".gz") else b"id,text,label\n" + data
    (tmp_path / name).write_bytes(data)
    is_judged(manifest, fix=False)


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
from nlp_gitops.cli.main import main
main()
"""


@pytest.mark.parametrize("name", ["one long line", "long escapes", "one text", "deep", "bomb",
                                  "many ids", "one label each", "many keys", "alias bomb"])
def test_worst_files_within_time_and_memory(tmp_path: Path, name: str) -> None:
    # Given a file made to be slow or large
    manifest = tmp_path / "dataset.yaml"
    manifest.write_text(MANIFEST.format(splits=NO_GROUP))
    path = tmp_path / "rows.jsonl"
    good = b'{"id": "r", "text": "a good text", "label": "good"}\n'
    if name == "one long line":
        with open(path, "wb") as stream:
            stream.write(good + b'{"id": "')
            for _ in range(1024):
                stream.write(b"x" * (1 << 20))
    elif name == "long escapes":
        path.write_bytes(good + b'{"id": "a", "text": "' + b"\\n" * 7_000_000 + b'", "label": 1}')
    elif name == "one text":
        path.write_bytes(good * 500_000)
    elif name == "deep":
        path.write_bytes(good + b"[" * 16_000_000)
    elif name == "bomb":
        with gzip.open(tmp_path / "rows.jsonl.gz", "wb", 9) as stream:
            for _ in range(2048):
                stream.write(b" " * (1 << 20))
    elif name == "many ids":
        path.write_bytes(b"".join(b'{"id": 1, "text": null, "label": "x%d"}\n' % number
                                  for number in range(300_000)))
    elif name == "one label each":
        manifest.write_text(MANIFEST.replace('{{enum: [good, bad, "schön", "no"]}}', "string")
                            .format(splits=NO_GROUP))
        path.write_bytes(b"".join(b'{"id": "%d", "text": "good", "label": "x%d"}\n' % (n, n)
                                  for n in range(300_000)))
    elif name == "many keys":
        path.write_bytes(b"".join(b'{"id": "a", "text": "b", "label": "good", "k%d": 1}\n' % n
                                  for n in range(300_000)))
    else:
        path.write_bytes(good)
        levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
        manifest.write_text("a0: &a0 [x]\n" + "\n".join(levels))
    # When it is checked with 2 GiB of address space
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "check-schema", manifest],
        capture_output=True, text=True, timeout=120, cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"})
    # Then there is a verdict, and no traceback
    assert done.returncode in (0, 1, 2), done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert len(done.stdout) < 50_000
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_000_000
