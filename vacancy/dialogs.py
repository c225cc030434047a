"""Actions that ask before they act: in a dialog of the page, or on a page of their own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from unfold.decorators import action
from unfold.forms import BaseDialogForm

Act = Callable[[Any, HttpRequest, Any, Any], str]


def asking_action(
    *,
    label: Promise,
    title: Promise,
    text: Promise,
    form_class: type[BaseDialogForm],
    permission: str,
    url_path: str,
    icon: str,
) -> Callable[[Act], Callable[..., HttpResponse]]:
    """Make an action of one row out of a method that acts on it and returns where to go on.

    The theme's script fetches the question into a dialog. Whoever comes without it, by a new tab
    or without JavaScript, gets the same question as a page.
    """
    dialog = {
        "title": title,
        "description": text,
        "form_class": form_class,
        "form_submit_text": label,
    }
    themed = action(
        description=label, permissions=[permission], url_path=url_path, icon=icon, dialog=dialog
    )

    def decorate(act: Act) -> Callable[..., HttpResponse]:
        @themed
        @wraps(act)
        def in_dialog(admin: Any, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
            url = act(admin, request, form, _row_or_404(admin, request, object_id))
            # The script would paint the page that a redirect leads to into the dialog.
            return HttpResponse(headers={"HX-Redirect": url})

        @wraps(in_dialog)
        def asked(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            answer: HttpResponse = in_dialog(admin, request, object_id=object_id)
            if "HX-Request" in request.headers:
                return answer
            if "HX-Redirect" in answer.headers:
                return HttpResponseRedirect(answer.headers["HX-Redirect"])
            return _page(admin, request, object_id, dialog)

        return asked

    return decorate


def _row_or_404(admin: Any, request: HttpRequest, object_id: str) -> Any:
    """Return what it is about, as this admin may see it; an address may say anything."""
    row = admin.get_object(request, object_id)
    if row is None:
        raise Http404
    return row


def _page(
    admin: Any, request: HttpRequest, object_id: str, dialog: dict[str, Any]
) -> TemplateResponse:
    """Show what the dialog shows; permission was checked for that."""
    row = _row_or_404(admin, request, object_id)
    name = f"admin:{admin.opts.app_label}_{admin.opts.model_name}_change"
    context = {
        **admin.admin_site.each_context(request),
        "title": dialog["title"],
        "opts": admin.opts,
        "row": row,
        "text": dialog["description"],
        "submit": dialog["form_submit_text"],
        "form": dialog["form_class"](request, object_id, data=request.POST or None),
        "back": reverse(name, args=[row.pk]),
    }
    return TemplateResponse(request, "ticketsite/question.html", context)
