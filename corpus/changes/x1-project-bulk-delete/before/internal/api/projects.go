package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"example.com/tracker/internal/store"
)

type Projects struct {
	DB *gorm.DB
}

func (p *Projects) Register(r gin.IRouter) {
	r.GET("/projects", p.list)
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
