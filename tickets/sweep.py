"""The background sweep: expired holds go back on sale though nobody asks for their places.

Only tidiness: the till takes expired holds back itself when places run short, and a hold past its
time is never confirmed, swept or not. So a sweep that is late, or missing, sells nothing twice.
"""

import logging
import threading

from django.db import Error, connection
from django.utils import timezone

from tickets import services

EVERY_S = 2.0

logger = logging.getLogger(__name__)


def sweep_until(leave: threading.Event) -> None:
    """Expire holds every two seconds until told to leave; blocks, so give it a thread."""
    while not leave.wait(EVERY_S):
        try:
            services.holds_expire(now=timezone.now())
        except Error:
            logger.warning("the sweep of expired holds failed; trying again", exc_info=True)
        finally:
            connection.close()
