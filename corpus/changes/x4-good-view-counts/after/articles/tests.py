from django.test import TestCase

from .models import Article


class ReadingsTest(TestCase):
    def test_each_request_counts(self):
        Article.objects.create(slug="a", title="A", body="-")
        self.client.get("/articles/a/")
        res = self.client.get("/articles/a/")
        self.assertEqual(res.json()["readings"], 2)
