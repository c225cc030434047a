"""How the operator pages look and what stands in the sidebar; settings read `UNFOLD` here."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

RequestTest = Callable[[HttpRequest], bool]
Words = str | Promise


def _may(permission: str) -> RequestTest:
    def may(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return may


def _on(*url_names: str) -> RequestTest:
    """Say whether the page's URL name begins with one of these.

    Unfold compares paths, and /admin/loadlab/run/add/ lies under /admin/loadlab/run/: without
    this, both entries would be marked.
    """

    def on(request: HttpRequest) -> bool:
        match = request.resolver_match
        return bool(match and match.url_name and match.url_name.startswith(url_names))

    return on


def _not(test: RequestTest, other: RequestTest) -> RequestTest:
    return lambda request: test(request) and not other(request)


def _item(title: Words, icon: str, url: str, on: RequestTest, may: str | None) -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(url), "active": on}
    return item | {"permission": _may(may)} if may else item


_ON_START = _on("loadlab_run_add")
_ON_COMPARE = _on("loadlab_run_compare")
_ON_DOOR = _on("tickets_ticket_door")

NAVIGATION: list[dict[str, Any]] = [
    {
        "title": _("Sale day"),
        "items": [
            _item(_("Dashboard"), "monitoring", "admin:index", _on("index"), None),
            _item(
                _("Vacancies"),
                "event_seat",
                "admin:vacancy_vacancy_changelist",
                _on("vacancy_vacancy_"),
                "vacancy.view_vacancy",
            ),
            _item(
                _("Purchases"),
                "receipt_long",
                "admin:tickets_purchase_changelist",
                _on("tickets_purchase_"),
                "tickets.view_purchase",
            ),
            _item(
                _("Tickets"),
                "confirmation_number",
                "admin:tickets_ticket_changelist",
                _not(_on("tickets_ticket_"), _ON_DOOR),
                "tickets.view_ticket",
            ),
            _item(
                _("Check-in"), "login", "admin:tickets_ticket_door", _ON_DOOR, "tickets.view_ticket"
            ),
        ],
    },
    {
        "title": _("Load lab"),
        "separator": True,
        "items": [
            _item(
                _("Runs"),
                "speed",
                "admin:loadlab_run_changelist",
                _not(_on("loadlab_run_"), _on("loadlab_run_add", "loadlab_run_compare")),
                "loadlab.view_run",
            ),
            _item(
                _("Compare"),
                "compare_arrows",
                "admin:loadlab_run_compare",
                _ON_COMPARE,
                "loadlab.view_run",
            ),
            _item(
                _("Start a rehearsal"),
                "play_circle",
                "admin:loadlab_run_add",
                _ON_START,
                "loadlab.start_run",
            ),
        ],
    },
    {
        "title": _("Access"),
        "separator": True,
        "items": [
            _item(
                _("API keys"),
                "key",
                "admin:tickets_apikey_changelist",
                _on("tickets_apikey_"),
                "tickets.view_apikey",
            ),
            _item(
                _("Users"),
                "group",
                "admin:auth_user_changelist",
                _on("auth_user_", "auth_group_"),
                "auth.view_user",
            ),
            _item(
                _("Log"),
                "history",
                "admin:admin_logentry_changelist",
                _on("admin_logentry_"),
                "admin.view_logentry",
            ),
        ],
    },
]


def _static(path: str) -> Callable[[HttpRequest], str]:
    # Called for each page: the hashed name is not known while settings are being read.
    return lambda _request: static(path)


def _words(_request: HttpRequest) -> str:
    # The language is part of the address, or a browser would keep the words of the last one.
    return f"{reverse('admin:jsi18n')}?{get_language()}"


def shared_context(request: HttpRequest) -> dict[str, Any]:
    """Keep the theme from writing its palette into each page: it is in tokens.css."""
    return {"colors": None}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "ticketsite",
    "SITE_HEADER": "ticketsite",
    "SITE_SUBHEADER": _("Sales and rehearsals"),
    "SITE_SYMBOL": "confirmation_number",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("ticketsite/icon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "STYLES": [_static("ticketsite/tokens.css"), _static("ticketsite/admin.css")],
    "SCRIPTS": [_words, _static("ticketsite/keyboard.js"), _static("ticketsite/zone.js")],
    "DASHBOARD_CALLBACK": "ticketsite.dashboard.dashboard",
    "GLOBAL_CALLBACK": "ticketsite.admin_theme.shared_context",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": NAVIGATION},
}
