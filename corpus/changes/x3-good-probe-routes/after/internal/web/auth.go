package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

type userKey struct{}

// Auth lets a request through when the digest of its token is known.
func Auth(tokens map[string][32]byte) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			got := sha256.Sum256([]byte(token))
			for user, want := range tokens {
				if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
					next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
					return
				}
			}
			w.WriteHeader(http.StatusUnauthorized)
		})
	}
}
