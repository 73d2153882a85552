from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from .models import Order, OrderLine


@receiver(post_save, sender=Order)
def keep_total(sender, instance, **kwargs):
    instance.total_cents = instance.sum_of_lines()
    instance.save()


@receiver([post_save, post_delete], sender=OrderLine)
def line_changed(sender, instance, **kwargs):
    instance.order.save()
