from datetime import timedelta

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.models import PasswordResetToken

BATCH = 500
GRACE = timedelta(days=7)


class Command(BaseCommand):
    help = "Removes password reset tokens that expired more than a week ago. Only counts them unless --apply is given."

    def add_arguments(self, parser):
        parser.add_argument("--apply", action="store_true")

    def handle(self, *args, apply, **options):
        spent = PasswordResetToken.objects.filter(expires_at__lt=timezone.now() - GRACE)
        if not apply:
            self.stdout.write(f"{spent.count()} spent tokens; run again with --apply to remove them")
            return

        removed = 0
        while ids := list(spent.order_by("pk").values_list("pk", flat=True)[:BATCH]):
            removed += PasswordResetToken.objects.filter(pk__in=ids).delete()[0]
        self.stdout.write(f"removed {removed} spent tokens")
