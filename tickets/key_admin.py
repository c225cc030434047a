"""API keys, as operators see them: made once, shown once, revoked, never edited or deleted."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import ModelAdmin as DjangoModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from tickets import services
from tickets.display import KEY_CHIPS, KeyState, key_chip
from tickets.forms import SCOPE_WORDS, KeyForm, RevokeDialog
from tickets.models import ApiKey
from vacancy.dialogs import asking_action
from vacancy.display import chip_html, moment, unbroken
from vacancy.model_admin import SiteModelAdmin
from vacancy.notes import note


class KeyStateFilter(admin.SimpleListFilter):
    """By what a key can do now."""

    title = _("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: "DjangoModelAdmin[Any]"
    ) -> list[tuple[str, str]]:
        """Offer the three states."""
        return [(state.value, str(KEY_CHIPS[state].label)) for state in KeyState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        """Keep the keys in that state."""
        conditions = _conditions(timezone.now())
        value = self.value()
        return queryset.filter(conditions[value]) if value in conditions else queryset


def _conditions(now: datetime) -> dict[str | None, Q]:
    lapsed = Q(expires_at__isnull=False, expires_at__lte=now)
    return {
        KeyState.ACTIVE.value: Q(revoked_at=None) & ~lapsed,
        KeyState.EXPIRED.value: Q(revoked_at=None) & lapsed,
        KeyState.REVOKED.value: Q(revoked_at__isnull=False),
    }


@admin.register(ApiKey)
class ApiKeyAdmin(SiteModelAdmin):
    """Keys of real clients; the short-lived ones of rehearsals are hidden."""

    list_display = ("name", "prefix_shown", "scopes_shown", "state_shown", "created", "expires")
    list_filter = (KeyStateFilter,)
    search_fields = ("name", "prefix")
    actions_detail = ("revoke",)
    fields = (("name", "prefix_shown"), ("scopes_shown", "state_shown"), ("created", "expires"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Hide the keys that are bound to rehearsal stock."""
        keys: QuerySet[ApiKey] = super().get_queryset(request)
        return keys.filter(vacancy=None)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A key is fixed once it exists; only revoking changes it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Purchases name their key for ever: revoke it instead."""
        return False

    def has_revoke_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Revoking is what the permission to change keys is for."""
        return request.user.has_perm("tickets.change_apikey")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make a key and show it in the answer itself.

        No redirect: a message or a session would keep the key somewhere in clear.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = KeyForm(request.POST or None)
        if form.is_valid():
            return self._created(request, form)
        context = self._context(request, title=gettext("Add API key"), form=form)
        return TemplateResponse(request, "admin/tickets/apikey/add.html", context)

    def _created(self, request: HttpRequest, form: KeyForm) -> HttpResponse:
        key, secret = services.key_create(
            name=form.cleaned_data["name"],
            scopes=" ".join(form.cleaned_data["scopes"]),
            expires_at=form.cleaned_data["expires_at"],
            now=timezone.now(),
        )
        self.log_addition(request, key, [{"added": {}}])
        context = self._context(
            request,
            title=gettext("New API key"),
            key=key,
            secret=secret,
            scopes=self.scopes_shown(key),
        )
        return TemplateResponse(request, "admin/tickets/apikey/created.html", context)

    def _context(self, request: HttpRequest, **own: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, **own}

    @asking_action(
        label=_("Revoke key"),
        title=_("Revoke this key?"),
        text=_("Its software is refused within 5 seconds. This cannot be undone."),
        form_class=RevokeDialog,
        permission="revoke",
        url_path="revoke",
        icon="block",
    )
    def revoke(self, request: HttpRequest, form: RevokeDialog, key: ApiKey) -> str:
        """Stop this key for good."""
        if services.key_revoke(key_id=key.pk, now=timezone.now()):
            self.log_change(request, key, note(gettext_noop("Revoked.")))
            messages.success(request, gettext("%(key)s is revoked.") % {"key": key})
        else:
            text = gettext("Nothing changed: %(key)s was revoked before.")
            messages.warning(request, text % {"key": key})
        return reverse("admin:tickets_apikey_change", args=[key.pk])

    @display(description=_("Begins with"), ordering="prefix")
    def prefix_shown(self, key: ApiKey) -> SafeString:
        """Enough to recognize it by."""
        return format_html("<code>{}…</code>", key.prefix)

    @display(description=_("Scopes"))
    def scopes_shown(self, key: ApiKey) -> str:
        """What it may do, in words."""
        return ", ".join(str(SCOPE_WORDS.get(one, one)) for one in key.scopes.split())

    @display(description=_("State"))
    def state_shown(self, key: ApiKey) -> SafeString:
        """Icon, word and color."""
        return chip_html(key_chip(key, now=timezone.now()))

    @display(description=_("Created"), ordering="created_at")
    def created(self, key: ApiKey) -> str:
        """With its zone."""
        return unbroken(moment(key.created_at))

    @display(description=_("Expires"), ordering="expires_at")
    def expires(self, key: ApiKey) -> str:
        """With its zone, or never."""
        return moment(key.expires_at) or gettext("Never")
