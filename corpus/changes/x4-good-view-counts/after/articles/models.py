from django.db import models
from django.db.models import F


class Article(models.Model):
    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    body = models.TextField()
    readings = models.PositiveBigIntegerField(default=0)

    def count_reading(self):
        Article.objects.filter(pk=self.pk).update(readings=F("readings") + 1)
        self.refresh_from_db(fields=["readings"])
