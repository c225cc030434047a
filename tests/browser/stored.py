"""Runs that were made, not measured: they are there at once, and always the same."""

import re

from tests.site import Site

STORE = """
from django.utils import timezone
from tests.synthetic import store_run
now = timezone.now()
for fields in [{}]:
    print("run", store_run(begun=now, **fields).pk)
"""


def stored_runs(site: Site, *fields: str) -> list[str]:
    """Make finished runs with these fields ("duration_s=60"); return the paths of their pages."""
    wanted = ", ".join(f"dict({one})" for one in fields)
    done = site.manage("shell", "-c", STORE.format(wanted))
    found = re.findall(r"run (\d+)", done.stdout)
    assert len(found) == len(fields), done.stderr
    return [f"/admin/loadlab/run/{pk}/change/" for pk in found]
