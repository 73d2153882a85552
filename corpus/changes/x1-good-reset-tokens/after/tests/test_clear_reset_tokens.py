from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from accounts.models import PasswordResetToken


@pytest.fixture
def tokens(db):
    user = User.objects.create_user("ada")
    now = timezone.now()
    for days in (-30, -8, -1, 1):
        PasswordResetToken.objects.create(user=user, digest=str(days), expires_at=now + timedelta(days=days))


def test_only_counts_by_default(tokens):
    call_command("clear_reset_tokens")
    assert PasswordResetToken.objects.count() == 4


def test_removes_what_is_long_expired(tokens):
    call_command("clear_reset_tokens", "--apply")
    left = PasswordResetToken.objects.order_by("expires_at").values_list("digest", flat=True)
    assert list(left) == ["-1", "1"]
