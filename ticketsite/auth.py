"""Who may log in to the admin."""

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User

DEMO_USERNAME = "demo"


class StaffBackend(ModelBackend):
    """Django's own backend, except that production knows no demo account.

    A demo database copied to a server would otherwise bring its well-known login along.
    """

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Refuse inactive users always, and the demo user in production."""
        if user is not None and settings.TICKETSITE_ENV == "production":
            if user.get_username() == DEMO_USERNAME:
                return False
        return super().user_can_authenticate(user)
