import os

SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-tests")
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "accounts"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "portal.sqlite3"}}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
