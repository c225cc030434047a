"""A prepared query does what the ORM would do with the same values, each time it runs."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from tests.conftest import make_vacancy
from vacancy import trips
from vacancy.models import Vacancy
from vacancy.prepared import later, prepare_select, prepare_update

pytestmark = pytest.mark.django_db


def test_select_takes_the_values_of_each_run():
    first, second = make_vacancy(name="one"), make_vacancy(name="two")
    by_id = prepare_select(Vacancy.objects.filter(pk=later("pk"), is_rehearsal=False))

    found = [by_id.first(pk=one.pk) for one in (first, second)]

    assert found == [first, second]
    assert [one.name for one in found if one] == ["one", "two"]


def test_what_was_read_is_as_complete_as_from_the_orm():
    ends = timezone.now() + timedelta(days=1)
    stored = make_vacancy(on_sale_until=ends)

    found = prepare_select(Vacancy.objects.filter(pk=later("pk"))).first(pk=stored.pk)

    fields = [field.attname for field in Vacancy._meta.concrete_fields]
    same = Vacancy.objects.get(pk=stored.pk)
    assert {name: getattr(found, name) for name in fields} == {
        name: getattr(same, name) for name in fields
    }


def test_select_finds_nothing_where_there_is_nothing(vacancy):
    by_id = prepare_select(Vacancy.objects.filter(pk=later("pk")))

    assert by_id.first(pk=vacancy.pk + 1) is None


def has_changed(update, **given):
    """Run it on a trip of its own."""
    try:
        with transaction.atomic():
            trip = trips.new_trip()
            update.change_or_fail(trip, given)
            trip.send()
    except trips.Changed:
        return False
    return True


def test_update_moves_what_it_is_given_or_fails(vacancy):
    take = prepare_update(
        Vacancy.objects.filter(pk=later("pk"), available__gte=later("qty")),
        available=F("available") - later("qty"),
        sold=F("sold") + later("qty"),
    )

    changed = [has_changed(take, pk=vacancy.pk, qty=qty) for qty in (4, 6, 1)]

    vacancy.refresh_from_db()
    assert changed == [True, True, False]
    assert (vacancy.available, vacancy.sold) == (0, 10)


@pytest.mark.parametrize(("by", "changed"), [(timedelta(0), True), (timedelta(seconds=1), False)])
def test_an_instant_is_compared_as_it_is_stored(by, changed):
    ends = timezone.now() + timedelta(days=1)
    stored = make_vacancy(on_sale_until=ends)
    close = prepare_update(
        Vacancy.objects.filter(pk=later("pk"), on_sale_until=later("ends")), state="closed"
    )

    assert has_changed(close, pk=stored.pk, ends=ends + by) == changed


def test_a_value_that_is_missing_is_named(vacancy):
    by_id = prepare_select(Vacancy.objects.filter(pk=later("pk")))

    with pytest.raises(KeyError, match="pk"):
        by_id.first()
