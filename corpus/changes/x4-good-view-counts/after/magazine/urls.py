from django.urls import path

from articles.views import ArticleView

urlpatterns = [path("articles/<slug:slug>/", ArticleView.as_view())]
