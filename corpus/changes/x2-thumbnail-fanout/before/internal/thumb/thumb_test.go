package thumb

import (
	"image"
	"testing"
)

func TestShrinkKeepsTheRatio(t *testing.T) {
	got := shrink(image.NewRGBA(image.Rect(0, 0, 512, 256)), 256).Bounds()
	if got.Dx() != 256 || got.Dy() != 128 {
		t.Fatalf("got %v", got)
	}
}
