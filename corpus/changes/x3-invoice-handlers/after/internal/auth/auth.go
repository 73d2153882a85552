package auth

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
)

const accountKey = "account"

// Required lets only requests with a live session through.
func Required(pool *pgxpool.Pool) gin.HandlerFunc {
	return func(c *gin.Context) {
		token, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
		if !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		digest := sha256.Sum256([]byte(token))
		var account int64
		err := pool.QueryRow(c, "SELECT account_id FROM sessions WHERE digest = $1 AND expires_at > now()", digest[:]).Scan(&account)
		if err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		c.Set(accountKey, account)
	}
}

func Account(c *gin.Context) int64 {
	return c.GetInt64(accountKey)
}
