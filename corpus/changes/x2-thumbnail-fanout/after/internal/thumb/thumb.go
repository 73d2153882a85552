package thumb

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"strings"

	"golang.org/x/sync/errgroup"

	"example.com/gallery/internal/library"
)

// All renders a thumbnail of every JPEG below prefix.
func All(ctx context.Context, lib library.Library, prefix string) error {
	objects, err := lib.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("list %s: %w", prefix, err)
	}
	slog.Info("rendering thumbnails", "prefix", prefix, "objects", len(objects))

	g, ctx := errgroup.WithContext(ctx)
	for _, obj := range objects {
		if !isJPEG(obj.Key) {
			continue
		}
		g.Go(func() error {
			if err := one(ctx, lib, obj.Key); err != nil {
				return fmt.Errorf("thumbnail of %s: %w", obj.Key, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func isJPEG(key string) bool {
	lower := strings.ToLower(key)
	return strings.HasSuffix(lower, ".jpg") || strings.HasSuffix(lower, ".jpeg")
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
