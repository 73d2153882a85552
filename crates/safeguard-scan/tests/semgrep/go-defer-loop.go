package a

func one(files []string) {
	for _, f := range files {
		h := open(f)
		defer h.Close()
	}
	g := open("a")
	defer g.Close()
	for i := 0; i < 3; i++ {
		defer g.Close()
	}
}
