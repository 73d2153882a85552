sink(source())
