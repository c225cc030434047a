"""What the log of the pages says of a change, told to each reader in their language.

Note [Notes are translated when they are read]
    The log is written by somebody with one language and read by others for years. So a note keeps
    the English text and the values that go into it, as JSON that begins with a brace; Django's own
    messages are plain text or begin with a bracket. Whoever shows the log calls `note_text`.
"""

import json

from django.utils.translation import gettext


def note(text: str, **values: str) -> str:
    """Return what to write into the log: an English text with places, and what goes there."""
    return json.dumps({"text": text, "values": values})


def note_text(stored: str) -> str:
    """Tell a note in the language that is active now; what is no note is told as it is."""
    if not stored.startswith("{"):
        return stored
    try:
        said = json.loads(stored)
        text, values = said["text"], said["values"]
        return str(gettext(text) % values)
    except (ValueError, KeyError, TypeError):  # somebody wrote text that begins with a brace
        return stored
