"""Where each path goes; `ticketsite.asgi` decides first which handler sees it."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from ticketsite import documents
from ticketsite.api import api

urlpatterns = [
    path("api/v1/", include(documents.urls)),  # before Ninja's: its OpenAPI view costs a thread
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
