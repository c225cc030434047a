"""Users, groups and the log of every change, with the forms and widgets of the theme."""

from typing import TYPE_CHECKING, cast

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from vacancy.display import NONE, Chip, chip_html, moment

if TYPE_CHECKING:
    from django.contrib.contenttypes.models import ContentType

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


@admin.register(User)
class UserAdmin(_UserAdmin, ModelAdmin):
    """Django's own user pages in the theme's clothes."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "roles", "is_active", "is_staff", "last_login")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read everybody's groups in one query."""
        return super().get_queryset(request).prefetch_related("groups")

    @display(description=_("Roles"))
    def roles(self, user: User) -> str:
        """Groups by name; a superuser needs none."""
        if user.is_superuser:
            return str(_("Everything"))
        return ", ".join(group.name for group in user.groups.all()) or NONE


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Django's own group pages in the theme's clothes."""


@admin.register(LogEntry)
class LogEntryAdmin(ModelAdmin):
    """Who changed what and when, on these pages: to be read, never changed."""

    list_display = ("when", "who", "what_was_done", "kind", "subject", "message")
    list_filter = ("action_flag", "content_type")
    search_fields = ("user__username", "object_repr", "change_message")
    list_per_page = 50
    list_display_links = None
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
        return moment(entry.action_time, seconds=True)

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
        kind = cast("ContentType | None", entry.content_type)
        return str(kind.name).capitalize() if kind else NONE

    @display(description=_("Subject"), ordering="object_repr")
    def subject(self, entry: LogEntry) -> str:
        """As it was called then."""
        return str(entry.object_repr)

    @display(description=_("What changed"))
    def message(self, entry: LogEntry) -> str:
        """In words."""
        return str(entry.get_change_message()) or NONE
