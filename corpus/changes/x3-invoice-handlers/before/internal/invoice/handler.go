package invoice

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"example.com/invoices/internal/auth"
)

type Handler struct {
	Pool *pgxpool.Pool
}

func (h *Handler) Register(r gin.IRouter) {
	r.Use(auth.Required(h.Pool))
	r.GET("/invoices/:id", h.get)
}

func (h *Handler) get(c *gin.Context) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		c.AbortWithStatus(http.StatusNotFound)
		return
	}
	var number string
	var cents int64
	err = h.Pool.QueryRow(c,
		"SELECT number, total_cents FROM invoices WHERE id = $1 AND account_id = $2",
		id, auth.Account(c)).Scan(&number, &cents)
	if errors.Is(err, pgx.ErrNoRows) {
		c.AbortWithStatus(http.StatusNotFound)
		return
	}
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, gin.H{"number": number, "total_cents": cents})
}
