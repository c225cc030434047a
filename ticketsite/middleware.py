"""What every operator page gets on its way: a security policy, a time zone, a clean address."""

import zoneinfo
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

ZONE_COOKIE = "ticketsite_zone"
LONGEST_ZONE_NAME = 64

# Note [Content security policy]
#     Nothing comes from elsewhere, and no script or style stands in a page. Two doors stay open
#     for the theme alone: Alpine evaluates the expressions in its attributes ('unsafe-eval'), and
#     it sets style attributes ('unsafe-inline' for attributes only, never for style elements).
#     The theme's own <style> of colors is switched off (ticketsite.admin_theme); the colors are
#     in tokens.css instead.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

Handler = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: Handler) -> Handler:
    """Send the policy with every answer; see Note [Content security policy]."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def no_nul_in_address(get_response: Handler) -> Handler:
    """Answer 400 to a NUL in the query: no text has one, and PostgreSQL refuses to look for it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("The address has a NUL in it.")
        return get_response(request)

    return middleware


def browser_zone(get_response: Handler) -> Handler:
    """Show times in the zone of the browser, which zone.js keeps in a cookie.

    A server cannot see that zone otherwise. Until the cookie is there (the very first page) and
    when it names no zone, the site's own zone is used; times always name the zone they are in.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        zone = zone_named(request.COOKIES.get(ZONE_COOKIE, ""))
        if zone is None:
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return middleware


def zone_named(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone of this name, or None: a cookie may say anything."""
    if not name or len(name) > LONGEST_ZONE_NAME:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return None
