package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"example.com/statuspage/internal/incident"
)

type Server struct {
	Incidents func() []incident.Incident
}

// View is what the status page shows of an incident.
type View struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Since string `json:"since"`
}

func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /incidents", s.all)
	mux.HandleFunc("GET /services/{service}/open", s.open)
	return mux
}

func (s *Server) all(w http.ResponseWriter, r *http.Request) {
	reply(w, s.Incidents())
}

func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	service := r.PathValue("service")
	open := slices.Filter(s.Incidents(), func(i incident.Incident) bool {
		return i.Service == service && i.Open()
	})
	slices.SortFunc(open, func(a, b incident.Incident) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	reply(w, slices.Map(open, func(i incident.Incident) View {
		return View{ID: i.ID, Title: i.Title, Since: i.OpenedAt.UTC().Format(time.RFC3339)}
	}))
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
