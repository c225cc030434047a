"""Everything that a reader of the pages sees is there in Portuguese, and compiled."""

import re

import pytest
from django.urls import reverse

from deploy import messages
from tests.pages.conftest import make_vacancy


@pytest.mark.parametrize("domain", messages.DOMAINS)
class TestCatalog:
    def test_every_string_of_the_sources_is_translated(self, domain):
        assert not messages.missing(messages.updated(domain))

    def test_it_has_nothing_that_the_sources_no_longer_say(self, domain):
        stored = {message.id for message in messages.catalog_of(domain)}

        assert stored == {message.id for message in messages.updated(domain)}

    def test_compiled_catalog_is_the_stored_one(self, domain):
        compiled = (messages.FOLDER / f"{domain}.mo").read_bytes()

        assert compiled == messages.binary(messages.catalog_of(domain))

    def test_every_translation_has_the_places_of_its_original(self, domain):
        """A place that is missing or misspelled would be an error at the moment of showing."""
        place = re.compile(r"%\(\w+\)[a-z]|\{\w*\}|%%")

        for message in messages.catalog_of(domain):
            originals, texts = messages.strings(message.id), messages.strings(message.string)
            for text in texts if message.id else ():
                assert set(place.findall(text)) == set(place.findall(originals[-1])), text


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("admin:index", ("Painel", "Vendidos por minuto", "Precisa de você", "À venda")),
        ("admin:vacancy_vacancy_changelist", ("Setores", "Período de venda")),
        ("admin:tickets_purchase_changelist", ("Compras",)),
        ("admin:tickets_ticket_door", ("Entrada",)),
        ("admin:loadlab_run_add", ("Começar um ensaio", "Cenário")),
    ],
)
def test_page_speaks_portuguese(operator_client, page, words):
    make_vacancy()

    text = operator_client.get(reverse(page), headers={"accept-language": "pt-BR"}).content.decode()

    assert [word for word in words if word not in text] == []
