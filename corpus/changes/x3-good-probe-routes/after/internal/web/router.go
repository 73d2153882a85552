package web

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
)

type Server struct {
	DB     *sql.DB
	Tokens map[string][32]byte
}

func (s *Server) Router() http.Handler {
	r := chi.NewRouter()

	// for the load balancer, which has no token
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	r.Get("/readyz", s.ready)

	r.Group(func(r chi.Router) {
		r.Use(Auth(s.Tokens))
		r.Get("/notes", s.list)
	})
	return r
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.DB.PingContext(ctx); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	rows, err := s.DB.QueryContext(r.Context(), "SELECT title FROM notes WHERE owner = $1 LIMIT 100", r.Context().Value(userKey{}))
	if err != nil {
		http.Error(w, "database", http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	titles := []string{}
	for rows.Next() {
		var title string
		if err := rows.Scan(&title); err != nil {
			http.Error(w, "database", http.StatusInternalServerError)
			return
		}
		titles = append(titles, title)
	}
	if rows.Err() != nil {
		http.Error(w, "database", http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(titles)
}
