package solver

import (
	"math"

	"github.com/matsense/matsense/sensing"
)

// Random starts from α·G, with independent entries N(0, 1/r) of G. Row i of matrix b of the factor is row i +
// 2³²·b of the seed's start stream.
type Random struct {
	// Alpha is α > 0. AlphaRight is the α of all matrices but the first; 0 is Alpha.
	Alpha, AlphaRight float64
	Seed              uint64
}

var _ Start = Random{}

// Factor implements [Start].
func (s Random) Factor(shapes []Shape, _ func(int) (*SpectralEstimate, error)) (Factor, error) {
	f := NewFactor(shapes)
	stream := sensing.NewStream(s.Seed, sensing.StartStream)
	for b, u := range f {
		rows, r := u.Dims()
		alpha := s.Alpha
		if b > 0 && s.AlphaRight != 0 {
			alpha = s.AlphaRight
		}
		scale := alpha / math.Sqrt(float64(r))
		for i := range rows {
			row := u.RawRowView(i)
			stream.Normals(uint64(b)<<32|uint64(i), row)
			for j := range row {
				row[j] *= scale
			}
		}
	}
	return f, nil
}
