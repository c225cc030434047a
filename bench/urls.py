"""The product's paths, with the floor's beside them in the same API object."""

from bench.floor import router
from ticketsite.api import api

# Before the import below, which makes the paths of the API once and for all.
api.add_router("/bench", router)

from ticketsite.urls import urlpatterns as urlpatterns
