package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/edge/internal/route"
)

func main() {
	var table route.Table
	if err := table.Load(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			if err := table.Load(os.Args[1]); err != nil {
				log.Print(err)
			}
		}
	}()

	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if addr, ok := table.Lookup(r.In.Host); ok {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host = addr
		}
	}}
	server := &http.Server{Addr: ":8080", Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
