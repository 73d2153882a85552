from django.db import models
from django.db.models import F, Sum


class Order(models.Model):
    customer = models.EmailField()
    created_at = models.DateTimeField(auto_now_add=True)
    total_cents = models.PositiveBigIntegerField(default=0)

    def sum_of_lines(self):
        return self.lines.aggregate(total=Sum(F("quantity") * F("unit_cents")))["total"] or 0


class OrderLine(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    sku = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    unit_cents = models.PositiveIntegerField()
