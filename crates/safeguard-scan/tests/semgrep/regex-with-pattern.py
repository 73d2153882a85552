connect("http://example.org")
connect("https://example.org")
connect("http://localhost:80")
connect(url)
