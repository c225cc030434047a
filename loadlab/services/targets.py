"""Where load may go."""

from urllib.parse import urlsplit

from django.conf import settings

from loadlab.services.errors import TargetNotAllowed


def target_check(target: str) -> None:
    """Refuse a target that is not on the list, compared by scheme, host and port.

    Raises:
        TargetNotAllowed: says what is allowed.
    """
    allowed = {urlsplit(entry)[:2] for entry in settings.LOADLAB_ALLOWED_TARGETS}
    if urlsplit(target)[:2] not in allowed:
        raise TargetNotAllowed(
            f"Load may not go to {target}: LOADLAB_ALLOWED_TARGETS has "
            f"{', '.join(settings.LOADLAB_ALLOWED_TARGETS)}."
        )
