package a

func one() {
	a, _ := f()
	b, err := f()
	var c, _ = f()
	a, _ = f()
	use(a, b, c, err)
}
