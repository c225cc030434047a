"""Users, groups and the log of every change, with the forms and widgets of the theme."""

import re
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from loadlab.display import scenario_title
from vacancy.display import NONE, Chip, chip_html, moment, unbroken
from vacancy.model_admin import SiteModelAdmin
from vacancy.notes import note_text

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:  # generic in the stubs only
    _UserAdmin = DjangoUserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)

LOG_CHIPS = {
    ADDITION: Chip(_("Added"), "add", "ok"),
    CHANGE: Chip(_("Changed"), "edit", "quiet"),
    DELETION: Chip(_("Deleted"), "delete", "warn"),
}


ROLE_HELP = _(
    "A viewer reads everything. A stock keeper also changes stock, cancels and admits; an "
    "engineer also starts, stops and deletes runs."
)
PERMISSION_WORDS = {
    "add": _("add"),
    "change": _("change"),
    "delete": _("delete"),
    "view": _("view"),
    "start": _("start and stop"),
}


def permission_words(permission: Permission) -> str:
    """Name a permission as people would: "Vacancy: change"."""
    verb, _underscore, _model = permission.codename.partition("_")
    words = PERMISSION_WORDS.get(verb, permission.name)
    return f"{capfirst(permission.content_type.name)}: {words}"


@admin.register(User)
class UserAdmin(_UserAdmin, SiteModelAdmin):
    """Django's own user pages in the theme's clothes."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "roles", "is_active", "is_staff", "last_seen")
    filter_horizontal = ()
    # Permissions come with roles: one that only one person has is a role of its own.
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Personal info"), {"fields": (("first_name", "last_name"), "email")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        (_("Important dates"), {"fields": ("last_seen", "joined")}),
    )
    readonly_fields = ("last_seen", "joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read everybody's groups in one query."""
        return super().get_queryset(request).prefetch_related("groups")

    @display(description=_("Roles"))
    def roles(self, user: User) -> str:
        """Groups by name; a superuser needs none."""
        if user.is_superuser:
            return str(_("Everything"))
        return ", ".join(gettext(group.name) for group in user.groups.all()) or NONE

    @display(description=_("Last login"), ordering="last_login")
    def last_seen(self, user: User) -> str:
        """With its zone."""
        return unbroken(moment(user.last_login)) if user.last_login else gettext("Never")

    @display(description=_("Date joined"), ordering="date_joined")
    def joined(self, user: User) -> str:
        """With its zone."""
        return moment(user.date_joined)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer roles as boxes to tick, in the reader's language."""
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups":
            field.label, field.help_text = _("Roles"), ROLE_HELP
            field.label_from_instance = lambda group: gettext(group.name)
        return field


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, SiteModelAdmin):
    """Roles: those that come with the site, and others. `migrate` brings the former back."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the permissions that these pages ask for, in the reader's language."""
        if db_field.name == "permissions":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "permissions":
            # A kind of row without pages is asked for by none, and has no name in other languages.
            kinds = ContentType.objects.get_for_models(*self.admin_site._registry).values()
            shown = field.queryset.filter(content_type__in=kinds)
            field.queryset = shown.select_related("content_type")
            field.label_from_instance = permission_words
        return field


RUN_REPR = re.compile(r"^Run (?P<number>\d+): (?P<scenario>\w+)$")


def _subject_words(stored: str) -> str:
    """Tell in the reader's language what was stored in English; names are as they were given."""
    found = RUN_REPR.match(stored)
    if found is None:
        return stored
    scenario = scenario_title(found["scenario"])
    return gettext("Run %(number)s: %(scenario)s") % {**found.groupdict(), "scenario": scenario}


@admin.register(LogEntry)
class LogEntryAdmin(SiteModelAdmin):
    """Who changed what and when, on these pages: to be read, never changed."""

    list_display = ("when", "who", "what_was_done", "kind", "subject", "message")
    list_filter = ("action_flag", "content_type")
    search_fields = ("user__username", "object_repr", "change_message")
    list_per_page = 50
    ordering = ("-action_time", "-id")
    fields = ("when", "who", "what_was_done", "kind", "subject", "message")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Read people and kinds in the same query."""
        entries: QuerySet[LogEntry] = super().get_queryset(request)
        return entries.select_related("user", "content_type")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Changes write their own line."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A log that can be edited proves nothing."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """The same."""
        return False

    @display(description=_("When"), ordering="action_time")
    def when(self, entry: LogEntry) -> str:
        """With its zone."""
        return unbroken(moment(entry.action_time, seconds=True))

    @display(description=_("Who"), ordering="user__username")
    def who(self, entry: LogEntry) -> str:
        """By login."""
        return cast("User", entry.user).get_username()

    @display(description=_("Action"), ordering="action_flag")
    def what_was_done(self, entry: LogEntry) -> SafeString:
        """Icon, word and color."""
        return chip_html(LOG_CHIPS[entry.action_flag])

    @display(description=_("Kind"), ordering="content_type")
    def kind(self, entry: LogEntry) -> str:
        """What kind of thing it was."""
        kind = cast(ContentType | None, entry.content_type)
        return capfirst(kind.name) if kind else NONE

    @display(description=_("Subject"), ordering="object_repr")
    def subject(self, entry: LogEntry) -> str:
        """As it was called then, with a link to it if it may still be there."""
        words = _subject_words(str(entry.object_repr))
        url = None if entry.action_flag == DELETION else entry.get_admin_url()
        if url is None:
            return words
        return format_html('<a class="ts-link" href="{}">{}</a>', url, words)

    @display(description=_("What changed"))
    def message(self, entry: LogEntry) -> str:
        """In words."""
        return note_text(entry.get_change_message()) or NONE
