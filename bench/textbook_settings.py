"""Settings of the textbook's server: the product's database, and Django as it comes."""

from ticketsite.settings import *  # noqa: F403  # all of them, whatever they are called

ROOT_URLCONF = "bench.textbook"
MIDDLEWARE = []  # in the textbook's favor: an API needs neither sessions nor CSRF
