"""Where each path goes; `ticketsite.asgi` decides first which handler sees it."""

from django.contrib import admin
from django.urls import include, path
from django.views.decorators.cache import cache_control
from django.views.decorators.vary import vary_on_headers
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog, set_language

from ticketsite import documents
from ticketsite.api import api

# Before the admin's own at the same address: this one also has the words of our scripts.
words = vary_on_headers("Cookie", "Accept-Language")(
    cache_control(private=True, max_age=3600)(JavaScriptCatalog.as_view())
)

urlpatterns = [
    path("api/v1/", include(documents.urls)),  # before Ninja's: its OpenAPI view costs a thread
    path("api/v1/", api.urls),
    path("admin/jsi18n/", words),
    path("admin/", admin.site.urls),
    path("i18n/", set_language, name="set_language"),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
