//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

// The linker takes flags in the order of imports, files by name and then lines, and libcuda's must come before those of
// gorgonia.org/cu: they say where -lcuda is found. So this file has to be the first, and no file before it may import cu.
// TestTagged looks at the order.
import _ "github.com/matsense/matsense/gpu/cuda/internal/libcuda"
