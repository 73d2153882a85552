from django.db import models


class Order(models.Model):
    customer = models.EmailField()
    created_at = models.DateTimeField(auto_now_add=True)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    sku = models.CharField(max_length=40)
    quantity = models.PositiveIntegerField()
    unit_cents = models.PositiveIntegerField()
