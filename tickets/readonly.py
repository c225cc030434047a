"""What the pages of sales have in common: they show what the API made."""

from django.db.models import Model
from django.http import HttpRequest


class ReadOnly:
    """Pages to look at: rows are made by the API alone."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Sell through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What was sold stays as it was sold."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What was sold stays on record."""
        return False
