package thumb

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"

	"golang.org/x/sync/errgroup"

	"example.com/gallery/internal/library"
)

const atOnce = 8

func All(ctx context.Context, lib library.Library, keys []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, key := range keys {
		g.Go(func() error { return one(ctx, lib, key) })
	}
	return g.Wait()
}

func one(ctx context.Context, lib library.Library, key string) error {
	r, err := lib.Open(ctx, key)
	if err != nil {
		return err
	}
	defer r.Close()
	img, err := jpeg.Decode(r)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, shrink(img, 256), nil); err != nil {
		return err
	}
	return lib.Put(ctx, "thumbs/"+key, buf.Bytes())
}

func shrink(src image.Image, width int) image.Image {
	b := src.Bounds()
	height := max(1, b.Dy()*width/b.Dx())
	dst := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			dst.Set(x, y, src.At(b.Min.X+x*b.Dx()/width, b.Min.Y+y*b.Dy()/height))
		}
	}
	return dst
}
