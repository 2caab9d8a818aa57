package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// normalized is a vector in a list on the device.
type normalized solver.Normalized

func (v normalized) words() []uint64 {
	z, y := onDevice(v.Z), onDevice(v.Y)
	var basis driver.Pointer
	if v.Basis != nil {
		basis = onDevice(v.Basis).at
	}
	return []uint64{
		uint64(z.at), uint64(onDevice(v.X).at), uint64(basis), uint64(y.at), uint64(onDevice(v.Squares).at),
		uint64(z.cols), uint64(y.rows),
	}
}

// Normalize implements [solver.AlgebraEngine]: one launch. The lists of a search with Lanczos's method do not
// depend on the row, so they are on the device after its first step.
func (e *engine) Normalize(row int, vectors ...solver.Normalized) error {
	if len(vectors) == 0 {
		return nil
	}
	var list []normalized
	for _, v := range vectors {
		list = append(list, normalized(v))
	}
	at, err := e.device.list(encode(list))
	if err != nil {
		return err
	}
	return e.device.launch("normalize", driver.Dim{len(vectors), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(at), driver.U32(row))
}
