package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// Normalize implements [solver.AlgebraEngine]: one launch. The lists of a search with Lanczos's method do not
// depend on the row, so they are on the device after its first step.
func (e *engine) Normalize(row int, vectors ...solver.Normalized) error {
	if len(vectors) == 0 {
		return nil
	}
	var words []uint64
	for _, v := range vectors {
		z, y := onDevice(v.Z), onDevice(v.Y)
		var basis driver.Pointer
		if v.Basis != nil {
			basis = onDevice(v.Basis).at
		}
		for _, at := range []driver.Pointer{z.at, onDevice(v.X).at, basis, y.at, onDevice(v.Squares).at} {
			words = append(words, uint64(at))
		}
		words = append(words, uint64(z.cols), uint64(y.rows))
	}
	list, err := e.listOf(words)
	if err != nil {
		return err
	}
	return e.device.launch("normalize", driver.Dim{len(vectors), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(list), driver.U32(row))
}
