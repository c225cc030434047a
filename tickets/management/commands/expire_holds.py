"""`manage.py expire_holds`: give back the places of holds whose time is over."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from tickets import services


class Command(BaseCommand):
    """One sweep; the worker role does the same by itself every few seconds."""

    help = "Gives back the places of expired holds, once each, however many processes do it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep until nothing is left to give back."""
        total = 0
        while expired := services.holds_expire(now=timezone.now()):
            total += expired
        self.stdout.write(f"{total} holds expired.")
