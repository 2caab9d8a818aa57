//go:build !amd64 && !arm64

package cpu

import "github.com/matsense/matsense/sensing"

// newFewRows returns no kernel: plain Go is bound by its arithmetic.
func newFewRows[E sensing.Entry, F number](SIMD) fewRows[E, F] { return fewRows[E, F]{} }
