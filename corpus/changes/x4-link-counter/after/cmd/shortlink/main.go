package main

import (
	"log"

	"github.com/labstack/echo/v4"

	"example.com/shortlink/internal/links"
)

func main() {
	e := echo.New()
	links.NewHandler(map[string]string{"docs": "https://docs.example.com/"}).Register(e)
	log.Fatal(e.Start(":8080"))
}
