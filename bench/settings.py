"""The product's settings; only the floor's endpoints join its API (see bench.urls)."""

from ticketsite.settings import *  # noqa: F403  # all of them, whatever they are called

ROOT_URLCONF = "bench.urls"
