"""Nobody waits while Python looks for garbage among what a process was started with."""

import gc

from ticketsite import asgi


def test_what_was_loaded_is_set_aside():
    assert asgi.api_application is not None  # importing it is what sets aside

    assert gc.get_freeze_count() > 10_000
