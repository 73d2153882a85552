package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyTheProbesAreOpen(t *testing.T) {
	h := (&Server{}).Router()
	for path, want := range map[string]int{
		"/livez": http.StatusNoContent,
		"/notes": http.StatusUnauthorized,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
