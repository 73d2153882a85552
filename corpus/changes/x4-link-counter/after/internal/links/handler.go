package links

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"
)

type Handler struct {
	targets map[string]string
	clicks  map[string]map[string]int
}

func NewHandler(targets map[string]string) *Handler {
	h := &Handler{targets: targets, clicks: make(map[string]map[string]int, len(targets))}
	for slug := range targets {
		h.clicks[slug] = map[string]int{}
	}
	return h
}

func (h *Handler) Register(e *echo.Echo) {
	e.GET("/:slug", h.follow)
	e.GET("/_stats", h.stats)
	e.GET("/_stats/:slug", h.statsOf)
}

func (h *Handler) follow(c echo.Context) error {
	slug := c.Param("slug")
	target, ok := h.targets[slug]
	if !ok {
		return echo.ErrNotFound
	}
	h.clicks[slug][referrer(c.Request())]++
	return c.Redirect(http.StatusFound, target)
}

func (h *Handler) stats(c echo.Context) error {
	return c.JSON(http.StatusOK, h.clicks)
}

func (h *Handler) statsOf(c echo.Context) error {
	byReferrer, ok := h.clicks[c.Param("slug")]
	if !ok {
		return echo.ErrNotFound
	}
	return c.JSON(http.StatusOK, byReferrer)
}

// referrer is the host the click came from, or "direct".
func referrer(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" {
		return "direct"
	}
	return u.Hostname()
}
