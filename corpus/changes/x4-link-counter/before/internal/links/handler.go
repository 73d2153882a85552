package links

import (
	"maps"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
)

type Handler struct {
	targets map[string]string

	mu     sync.Mutex
	clicks map[string]int
}

func NewHandler(targets map[string]string) *Handler {
	return &Handler{targets: targets, clicks: map[string]int{}}
}

func (h *Handler) Register(e *echo.Echo) {
	e.GET("/:slug", h.follow)
	e.GET("/_stats", h.stats)
}

func (h *Handler) follow(c echo.Context) error {
	target, ok := h.targets[c.Param("slug")]
	if !ok {
		return echo.ErrNotFound
	}
	h.mu.Lock()
	h.clicks[c.Param("slug")]++
	h.mu.Unlock()
	return c.Redirect(http.StatusFound, target)
}

func (h *Handler) stats(c echo.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return c.JSON(http.StatusOK, maps.Clone(h.clicks))
}
