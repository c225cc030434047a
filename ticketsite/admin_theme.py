"""How the operator pages look and what stands in the sidebar; settings read `UNFOLD` here."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

RequestTest = Callable[[HttpRequest], bool]


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


def _item(title: str, icon: str, url: str, on: RequestTest, may: str | None) -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(url), "active": on}
    return item | {"permission": _may(may)} if may else item


_ON_START = _on("loadlab_run_add")

NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "Sale day",
        "items": [
            _item("Dashboard", "monitoring", "admin:index", _on("index"), None),
            _item(
                "Vacancies",
                "event_seat",
                "admin:vacancy_vacancy_changelist",
                _on("vacancy_vacancy_"),
                "vacancy.view_vacancy",
            ),
            _item(
                "Purchases",
                "receipt_long",
                "admin:tickets_purchase_changelist",
                _on("tickets_purchase_"),
                "tickets.view_purchase",
            ),
            _item(
                "Tickets",
                "confirmation_number",
                "admin:tickets_ticket_changelist",
                _on("tickets_ticket_"),
                "tickets.view_ticket",
            ),
        ],
    },
    {
        "title": "Load lab",
        "separator": True,
        "items": [
            _item(
                "Runs",
                "speed",
                "admin:loadlab_run_changelist",
                _not(_on("loadlab_run_"), _ON_START),
                "loadlab.view_run",
            ),
            _item(
                "Start a rehearsal",
                "play_circle",
                "admin:loadlab_run_add",
                _ON_START,
                "loadlab.start_run",
            ),
        ],
    },
    {
        "title": "Access",
        "separator": True,
        "items": [
            _item(
                "API keys",
                "key",
                "admin:tickets_apikey_changelist",
                _on("tickets_apikey_"),
                "tickets.view_apikey",
            ),
            _item(
                "Users",
                "group",
                "admin:auth_user_changelist",
                _on("auth_user_", "auth_group_"),
                "auth.view_user",
            ),
        ],
    },
]


def _static(path: str) -> Callable[[HttpRequest], str]:
    # Called for each page: the hashed name is not known while settings are being read.
    return lambda _request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "ticketsite",
    "SITE_HEADER": "ticketsite",
    "SITE_SUBHEADER": "Sales and rehearsals",
    "SITE_SYMBOL": "confirmation_number",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("ticketsite/icon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [_static("ticketsite/tokens.css"), _static("ticketsite/admin.css")],
    "SCRIPTS": [_static("ticketsite/keyboard.js")],
    "DASHBOARD_CALLBACK": "ticketsite.dashboard.dashboard",
    "COLORS": {
        # 600 carries the strong button: white on it has a contrast of 5.5.
        "primary": {
            "50": "#f0fdfa",
            "100": "#ccfbf1",
            "200": "#99f6e4",
            "300": "#5eead4",
            "400": "#2dd4bf",
            "500": "#0d9488",
            "600": "#0f766e",
            "700": "#115e59",
            "800": "#134e4a",
            "900": "#10403d",
            "950": "#042f2e",
        }
    },
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": NAVIGATION},
}
