//go:build !amd64

package cpu

import "github.com/matsense/matsense/sensing"

// newBatchKernel returns a batch kernel without assembly: every member goes alone.
func newBatchKernel[E sensing.Entry, F number](SIMD) batchKernel[F] { return batchKernel[F]{} }
