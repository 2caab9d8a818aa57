//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

// The linker takes flags in the order of imports: files by name, then lines. libcuda's flags say where -lcuda
// is found, so they must come before those of gorgonia.org/cu. Therefore this file must be the first, and no
// file before it may import cu. TestTagged checks the order.
import _ "github.com/matsense/matsense/gpu/cuda/internal/libcuda"
