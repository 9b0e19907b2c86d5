"""Masking: what is found, and what is left alone."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_gitops.core.errors import UsageError
from nlp_gitops.privacy import Masker, checkdigits, key, listed_names, mask

FOUND = {
    "jane.doe@corp-mail.de": "[e-mail]", "o'neil+x@sub.mail.co.uk": "[e-mail]",
    "jürgen@bücher.de": "[e-mail]", "+49 170 1234567": "[phone]", "(212) 736-5000": "[phone]",
    "030/901 820": "[phone]", "0170 1234567": "[phone]", "4111 1111 1111 1111": "[card]",
    "371449635398431": "[card]", "DE89 3704 0044 0532 0130 00": "[account]",
    "GB29NWBK60161331926819": "[account]", "192.168.7.12": "[ip]", "8.8.8.8": "[ip]",
    "2001:db8::1": "[ip]", "fe80::1ff:fe23:4567:890a": "[ip]", "536-90-4399": "[id]",
    "AB 12 34 56 C": "[id]", "RSSMRA85T10A562S": "[id]", "12345678Z": "[id]", "X1234567L": "[id]",
    "111.444.777-35": "[id]", "2 55 08 14 168 025 38": "[id]", "811218-9876": "[id]",
    "https://me:word@host.org/x": "[password]@host.org/x", "gh" + "p_" + "a1" * 18: "[key]",
    "-----BEGIN " + "PRIVATE KEY-----\nabc": "[key]"}
LEFT = (
    "2026-01-05 10:15:30", "SKU-12345-6789-01", "4111 1111 1111 1112", "12 345 items", "v1.2.3",
    "http://a.b/c", "chapter 3.14.15", "000-12-3456", "1234567890123456789", "DE89 3704 0044 0532",
    "300.400.500.600", "the ratio 16:9 at 12:30", "ISBN 978-3-16-148410-0 is a book",
    "sk-learn-is-a-fine-library-to-use", "12345678A", "a@b", "10,000,000.00", "call 911")


@pytest.mark.parametrize("value", FOUND)
def test_what_is_personal_is_masked_wherever_it_stands(value):
    for before, after in (("", ""), ("ask ", " now"), ("(", ")"), ("x " * 40, ", " + "y " * 40),
                          ("at 2026: ", "; it has 12 parts, "), ("é ", "。")):
        text = f"{before}{value}{after}"
        if "PRIVATE" in value:
            after = ""
        assert mask(text) == f"{before}{FOUND[value]}{after}"


@pytest.mark.parametrize("text", LEFT)
def test_what_is_not_personal_stays(text):
    assert mask(text) == text


def test_neighbours_do_not_hide_each_other():
    values = [value for value in FOUND if "PRIVATE" not in value]
    generator = random.Random(5)
    for _ in range(200):
        chosen = generator.sample(values, 3)
        assert mask(", ".join(chosen)) == ", ".join(FOUND[value] for value in chosen)
    # A number that looks like a card and is none does not swallow the one after it.
    assert mask("4111 1111 1111 1112 536-90-4399") == "4111 1111 1111 1112 [id]"


@pytest.mark.parametrize("language, value", [
    ("de", "86 095 742 719"), ("nl", "111222333"), ("pl", "44051401359"), ("pt-BR", "11144477735")])
def test_plain_digits_are_an_id_only_where_the_language_says_so(language, value):
    assert Masker(language)(f"it costs {value}.50") == f"it costs {value}.50"
    assert Masker(language)(f"my number is {value}.") == "my number is [id]."
    assert mask(f"my number is {value} ok") == f"my number is {value} ok"


@pytest.mark.parametrize("check, right", [
    (checkdigits.luhn, "4111111111111111"), (checkdigits.german, "86095742719"),
    (checkdigits.dutch, "111222333"), (checkdigits.polish, "44051401359"),
    (checkdigits.brazilian, "11144477735"), (checkdigits.french, "255081416802538"),
    (checkdigits.iban, "DE89370400440532013000")])
def test_one_wrong_digit_is_noticed(check, right):
    assert check(right)
    for place in range(len(right) - 1, 3, -1):
        wrong = str((int(right[place]) + 1) % 10)
        assert not check(right[:place] + wrong + right[place + 1:])


@pytest.mark.parametrize("value, masked", [
    ("jane.doe at mail dot org", "[e-mail]"), ("jane[at]mail(dot)co(dot)uk", "[e-mail]"),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card]"), ("+ 4 9 1 7 0 1 2 3 4 5 6 7", "[phone]"),
    ("４１１１ １１１１ １１１１ １１１１", "[card]"), ("4\u200b111\u200b 1111 1111 1111", "[card]"),
    ("jane＠mail．org", "[e-mail]"), ("DE89\u00ad3704 0044 0532 0130 00", "[account]")])
def test_spellings_that_are_to_deceive_are_seen_through(value, masked):
    assert mask(f"ask {value}, please") == f"ask {masked}, please"


@pytest.mark.parametrize("text", [
    "look at the dot on it", "meet at noon", "1 2 3 4 5 6 7 8 9 10 11 12 13 14", "kilo\u00e9 dot"])
def test_words_that_only_look_spelled_out_stay(text):
    assert mask(text) == text


@given(st.text(max_size=80), st.sampled_from(sorted(FOUND)), st.text(max_size=80))
def test_masking_twice_changes_nothing(before, value, after):
    once = mask(f"{before} {value} {after}")
    assert mask(once) == once


@given(st.text(alphabet=string.digits + " .-:+()@/aA", max_size=400))
def test_hostile_digits_end_and_lose_no_words(text):
    assert mask(f"begin {text} end").startswith("begin ")
    assert mask(f"begin {text} end").endswith(" end")


def test_keyed_hashes_join_equal_values_and_tell_nothing(monkeypatch):
    one, other = Masker(key=b"k" * 16), Masker(key=b"l" * 16)
    assert one("a@b.org wrote") == one("A@B.org wrote") != other("a@b.org wrote")
    assert one("a@b.org") != one("c@b.org") and one("+49 170 1234567") == one("+491701234567")
    assert one(one("a@b.org, 536-90-4399")) == one("a@b.org, 536-90-4399")
    monkeypatch.setenv("PRIVACY_KEY", "short")
    with pytest.raises(UsageError, match="PRIVACY_KEY"):
        key()


NAMES = frozenset({("jane", "doe"), ("smith",), ("o'neil",), ("müller-lüdenscheidt",)})


@pytest.mark.parametrize("text, masked", [
    ("Ask Jane Doe, or SMITH.", "Ask [name], or [name]."), ("jane doesn't", "jane doesn't"),
    ("Smithson and Jane", "Smithson and Jane"), ("O'Neil's kettle", "O'Neil's kettle"),
    ("Müller-Lüdenscheidt said:Smith!", "[name] said:[name]!"),
    ("smith@corp-mail.de", "[e-mail]"), ("", "")])
def test_names_on_a_list_are_masked_as_whole_words(text, masked):
    assert Masker(names=NAMES)(text) == masked


def test_a_list_of_names_is_a_file_with_one_on_each_line(tmp_path):
    (tmp_path / "names.txt").write_text("Jane Doe\n\n  Smith \n")
    assert listed_names.read(tmp_path / "names.txt") == {("jane", "doe"), ("smith",)}
    with pytest.raises(UsageError, match="privacy.names"):
        listed_names.read(tmp_path / "nowhere.txt")


@given(st.text(max_size=60))
def test_masking_names_twice_changes_nothing_more(text):
    masker = Masker(key=b"k" * 16, names=NAMES | {("e-mail",), ("name",)})
    once = masker(f"{text} Jane Doe {text}")
    assert "Jane Doe" not in once and masker(once) == once
