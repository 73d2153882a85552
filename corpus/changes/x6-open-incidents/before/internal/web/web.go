package web

import (
	"encoding/json"
	"net/http"

	"example.com/statuspage/internal/incident"
)

type Server struct {
	Incidents func() []incident.Incident
}

func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /incidents", s.all)
	return mux
}

func (s *Server) all(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.Incidents())
}
