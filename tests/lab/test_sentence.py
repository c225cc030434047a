"""Sentences are stored apart from their values and told in the reader's language."""

import pytest
from django.utils import translation

from loadlab.display import sentences_text, verdict_text
from loadlab.sentence import Sentence, tell
from loadlab.verdict import Verdict

SAID = Sentence("p95 is %(value)s ms, limit %(limit)s %%.", {"value": 1234.5, "limit": 500})


def test_is_told_in_english_with_commas_between_thousands() -> None:
    """As commands and scripts read it."""
    assert str(SAID) == "p95 is 1,234.5 ms, limit 500 %."


def test_comes_back_from_storage_as_it_was() -> None:
    """Text and values apart."""
    assert Sentence.from_json(SAID.as_json()) == SAID


def test_numbers_are_written_as_the_reader_writes_them() -> None:
    """A comma is not a comma everywhere."""
    with translation.override("pt-br"):
        assert "1.234,5" in sentences_text([SAID.as_json()])


def test_verdict_is_stored_in_english_and_as_sentences() -> None:
    """The one for scripts, the other for pages."""
    stored = Verdict("budget", "fail", (SAID, Sentence("Again."))).as_json()

    assert stored["finding"] == tell([SAID, Sentence("Again.")])
    assert [one["text"] for one in stored["finding_sentences"]] == [SAID.text, "Again."]
    assert stored["label"] == "Budget"


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_verdict_of_an_earlier_version_is_shown_as_it_was(language: str) -> None:
    """It has no sentences, only English."""
    old = {"kind": "budget", "label": "Budget", "outcome": "pass", "finding": "Kept.", "detail": ""}

    with translation.override(language):
        assert verdict_text(old) == {"label": "Budget", "finding": "Kept.", "detail": ""}
