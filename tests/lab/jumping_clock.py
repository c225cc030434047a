"""Django settings of a machine whose wall clock the tests set, for every process at once.

To set the real one takes a machine of one's own. So the processes of such a site read the clock
through a file that says by how many seconds it was set: `clock` in TICKETSITE_VAR. Nothing else
is replaced; the monotonic clock goes on, as it does when somebody sets the other.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from ticketsite.config import VAR
from ticketsite.settings import *  # noqa: F403  # a site like any other

_FILE = VAR / "clock"
_true_now = timezone.now


def _now() -> datetime:
    set_by_s = float(_FILE.read_text()) if _FILE.exists() else 0.0
    return _true_now() + timedelta(seconds=set_by_s)


timezone.now = _now
