"""Settings of a whole site that sells nothing: the reference run's load on empty answers."""

from ticketsite.settings import *  # noqa: F403  # all of them, whatever they are called

ROOT_URLCONF = "bench.twin"
