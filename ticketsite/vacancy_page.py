"""What the page of one vacancy shows above its form: counters live, sales over time, who bought."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from tickets import sales
from tickets.display import purchase_rows
from ticketsite import overview
from ticketsite.dashboard import clock, no_place, shown_row
from vacancy.display import money_whole

PURCHASE_ROWS = 5


def part(request: HttpRequest, vacancy: Any) -> dict[str, Any]:
    """Return the live part of a vacancy's page; sales only for those who may see them."""
    now = timezone.now()
    [row] = overview.single_rows([vacancy])
    sees_sales = request.user.has_perm("tickets.view_purchase")
    curve = sales.sold_over_time(vacancy_id=vacancy.pk) if sees_sales else None
    return {
        "live": shown_row(row, now) | {"no_place_text": no_place(row, now)},
        "clock": clock(now),
        "may_change": request.user.has_perm("vacancy.change_vacancy"),
        "sales": _sales(vacancy) if sees_sales else None,
        "live_page": {
            "socket": f"/ws/vacancies/{vacancy.pk}/",
            "section": f"vacancy:{vacancy.pk}",
            "chips": overview.state_chips(),
            "row": row,
            "curve": curve,
        },
    }


def _sales(vacancy: Any) -> dict[str, Any]:
    totals = sales.totals_of(vacancy_id=vacancy.pk)
    listed = reverse("admin:tickets_purchase_changelist")
    return {
        "revenue": money_whole(amount=totals.money, currency=vacancy.currency),
        "purchases": totals.purchases,
        "cancelled": totals.cancelled,
        "latest": purchase_rows(sales.latest_purchases(vacancy_id=vacancy.pk, limit=PURCHASE_ROWS)),
        "all_url": f"{listed}?vacancy={vacancy.pk}",
        "export_url": reverse("admin:tickets_purchase_export", args=[vacancy.pk]),
        "door_url": f"{reverse('admin:tickets_ticket_door')}?vacancy={vacancy.pk}",
    }
