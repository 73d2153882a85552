package links

import (
	"net/http/httptest"
	"testing"
)

func TestReferrer(t *testing.T) {
	r := httptest.NewRequest("GET", "/docs", nil)
	if got := referrer(r); got != "direct" {
		t.Errorf("got %q", got)
	}
	r.Header.Set("Referer", "https://news.example.org:8443/item?id=1")
	if got := referrer(r); got != "news.example.org" {
		t.Errorf("got %q", got)
	}
}
