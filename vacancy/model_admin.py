"""What every kind of row has in common on the operator pages, whichever app it belongs to."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.db import DatabaseError
from django.http import HttpRequest
from unfold.admin import ModelAdmin

# What Python and the databases say to a year 99999999, a pattern that is none, or half a range.
UNUSABLE = (ArithmeticError, DatabaseError, LookupError, TypeError, ValueError)


class SiteModelAdmin(ModelAdmin):
    """Lists and forms that an address with anything in it cannot break."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Send whoever filters by what cannot be looked for to the whole list, as Django does.

        Django itself finds that out for most values, but some fail only in the query.

        Raises:
            IncorrectLookupParameters: the address asks for what cannot be looked for.
        """
        try:
            return super().get_changelist_instance(request)
        except UNUSABLE as unusable:
            if not set(request.GET) - {ERROR_FLAG}:
                raise  # nothing was asked for: the fault is ours
            raise IncorrectLookupParameters from unusable

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill a new form with nothing from the address: a widget may not survive it."""
        return {}
