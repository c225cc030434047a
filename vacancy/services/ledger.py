"""The ledger: one line for each move of stock that nobody bought."""

from datetime import datetime

from django.contrib.auth.models import User

from vacancy.models import StockMovement

REASON_LENGTH = 200  # characters, as the ledger's column


def write_down(
    vacancy_id: int,
    kind: StockMovement.Kind,
    qty: int,
    reason: str,
    actor: User | None,
    now: datetime,
) -> None:
    """Write down what moved, why, and who did it; None: nobody in person."""
    StockMovement.objects.create(
        vacancy_id=vacancy_id, kind=kind, qty=qty, reason=reason, actor=actor, at=now
    )
