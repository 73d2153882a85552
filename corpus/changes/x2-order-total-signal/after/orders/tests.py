from django.test import SimpleTestCase

from .models import OrderLine


class OrderLineTest(SimpleTestCase):
    def test_has_a_sku(self):
        self.assertEqual(OrderLine(sku="A-1").sku, "A-1")
