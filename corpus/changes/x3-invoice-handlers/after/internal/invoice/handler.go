package invoice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"example.com/invoices/internal/auth"
)

type Invoice struct {
	ID         int64     `json:"id"`
	Number     string    `json:"number"`
	TotalCents int64     `json:"total_cents"`
	IssuedOn   time.Time `json:"issued_on"`
	PDF        []byte    `json:"-"`
}

type Handler struct {
	Pool *pgxpool.Pool
}

func (h *Handler) Register(r gin.IRouter) {
	r.Use(auth.Required(h.Pool))
	r.GET("/invoices/:id", h.get)
	r.GET("/invoices/:id/pdf", h.pdf)
}

func (h *Handler) get(c *gin.Context) {
	if inv, ok := h.load(c); ok {
		c.JSON(http.StatusOK, inv)
	}
}

func (h *Handler) pdf(c *gin.Context) {
	inv, ok := h.load(c)
	if !ok {
		return
	}
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", inv.Number+".pdf"))
	c.Data(http.StatusOK, "application/pdf", inv.PDF)
}

// load answers the request itself when there is no such invoice.
func (h *Handler) load(c *gin.Context) (Invoice, bool) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		c.AbortWithStatus(http.StatusNotFound)
		return Invoice{}, false
	}
	inv, err := find(c, h.Pool, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		c.AbortWithStatus(http.StatusNotFound)
		return Invoice{}, false
	case err != nil:
		c.AbortWithStatus(http.StatusInternalServerError)
		return Invoice{}, false
	}
	return inv, true
}

func find(ctx context.Context, pool *pgxpool.Pool, id int64) (Invoice, error) {
	rows, err := pool.Query(ctx,
		"SELECT id, number, total_cents, issued_on, pdf FROM invoices WHERE id = $1", id)
	if err != nil {
		return Invoice{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Invoice])
}
