"""What happens to a text before the model sees it."""

from hypothesis import given
from hypothesis import strategies as st

from nlp.preprocess import normalize, tokenize


def test_case_and_spaces_do_not_matter():
    assert normalize("  Great\tCHARGER \n") == "great charger"


def test_unicode_forms_of_the_same_text_become_one():
    assert normalize("ﬁne cafe\u0301") == normalize("fine café")


def test_contracted_negations_are_written_out():
    assert normalize("It isn't good, I can't use it and won't") == (
        "it is not good, i can not use it and will not")


def test_tokens_are_words_and_punctuation():
    assert tokenize("the cat's toy: 5 stars!") == ["the", "cat's", "toy", ":", "5", "stars", "!"]


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    once = normalize(text)
    assert normalize(once) == once


@given(st.text())
def test_tokens_lose_nothing_but_white_space(text):
    assert "".join(tokenize(text)) == "".join(text.split())
