package web

import (
	"database/sql"
	"encoding/json"
	"net/http"

	"github.com/go-chi/chi/v5"
)

type Server struct {
	DB     *sql.DB
	Tokens map[string][32]byte
}

func (s *Server) Router() http.Handler {
	r := chi.NewRouter()
	r.Use(Auth(s.Tokens))
	r.Get("/notes", s.list)
	return r
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
