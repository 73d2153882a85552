package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"example.com/tracker/internal/store"
)

type Projects struct {
	DB *gorm.DB
}

func (p *Projects) Register(r gin.IRouter) {
	r.GET("/projects", p.list)
	r.DELETE("/projects", p.removeMany)
	r.DELETE("/projects/:id", p.remove)
}

func (p *Projects) list(c *gin.Context) {
	var rows []store.Project
	if err := p.DB.WithContext(c).Order("name").Limit(200).Find(&rows).Error; err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, rows)
}

func (p *Projects) remove(c *gin.Context) {
	res := p.DB.WithContext(c).Where("id = ?", c.Param("id")).Delete(&store.Project{})
	if res.Error != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Status(http.StatusNoContent)
}

// removeMany takes ?status= and ?idle_days=, both optional.
func (p *Projects) removeMany(c *gin.Context) {
	tx := p.DB.WithContext(c).Session(&gorm.Session{AllowGlobalUpdate: true}).Unscoped()
	if status := c.Query("status"); status != "" {
		tx = tx.Where("status = ?", status)
	}
	if days, err := strconv.Atoi(c.Query("idle_days")); err == nil {
		tx = tx.Where("last_edit_at < ?", time.Now().AddDate(0, 0, -days))
	}
	res := tx.Delete(&store.Project{})
	if res.Error != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.JSON(http.StatusOK, gin.H{"removed": res.RowsAffected})
}
