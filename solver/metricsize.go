package solver

import (
	"slices"

	"github.com/matsense/matsense/sensing"
)

// Measured says what is measured of a job's factor, as far as it decides where that is done and what memory
// it takes.
type Measured struct {
	// FactorRank is r.
	FactorRank int
	// Rank is r*; 0 if it is not known.
	Rank int
	// SingularValues is how many singular values a sample has, as in [Settings].
	SingularValues int
}

// MetricSize is what the metrics of a batch take of an [AlgebraEngine]. It is zero if the host measures all
// factors.
type MetricSize struct {
	// Shared is how many numbers the matrices of NewMatrix have that all members share, and Member how many
	// those of one member have.
	Shared, Member float64
	// Width is the most columns of an L that is measured on the engine, and Columns the most columns of a
	// matrix that it is multiplied with.
	Width, Columns int
}

// Bytes returns the size of the matrices for so many members.
func (s MetricSize) Bytes(members int) float64 { return 8 * (s.Shared + float64(members)*s.Member) }

// MetricsOf returns what the metrics of jobs take of an engine whose members carry them out. known says
// whether the problem's truth is known. Each member has room for the largest job. For the basis of Lanczos's
// method the size is an estimate ([typicalVectors]); the rest is exact.
func MetricsOf(space sensing.Space, p Parametrization, known bool, jobs ...Measured) (s MetricSize) {
	var ranks []int
	for _, j := range jobs {
		j.SingularValues = wantedValues(j.SingularValues, j.Rank)
		if !measuredThere(space, p, j) {
			continue
		}
		d, two := width(space, p, j.FactorRank)
		if !slices.Contains(ranks, j.Rank) {
			ranks = append(ranks, j.Rank)
			s.Shared += meterNumbers(space, two, known, j.Rank)
		}
		s.Member = max(s.Member, workNumbers(space, two, known, d, j.Rank))
		s.Width, s.Columns = max(s.Width, d), max(s.Columns, j.Rank, 1)
	}
	return s
}

// wantedValues fills in how many singular values a sample has, if 0 are asked for.
func wantedValues(values, rank int) int {
	const unknown = 10 // values if r* is not known
	switch {
	case values != 0:
		return values
	case rank > 0:
		return rank + 1
	}
	return unknown
}

// measured returns what is measured of a run.
func (r *run) measured() Measured { return Measured{r.FactorRank, r.Rank, r.SingularValues} }

// measuredThere says whether a factor is measured where an engine with algebra keeps it. The host measures it
// if the parametrization defines other metrics, if all singular values are wanted, if a registered metric
// reads the factor, or if that costs less.
func measuredThere(space sensing.Space, p Parametrization, j Measured) bool {
	_, balanced := p.(Balanced)
	if balanced || isSelfMeasuring(p) || j.SingularValues == AllSingularValues ||
		slices.ContainsFunc(metrics, func(m *Metric) bool { return m.Measure != nil }) {
		return false
	}
	d, two := width(space, p, j.FactorRank)
	return worthwhile(space, two, d, j.Rank, j.SingularValues)
}

// width returns how many columns L and R of a factor have, and whether they are two matrices. It asks the
// parametrization for a factor of the smallest space, because the columns do not depend on the sides.
func width(space sensing.Space, p Parametrization, factorRank int) (d int, two bool) {
	var smallest sensing.Space = sensing.Sym{N: 1}
	if _, symmetric := space.(sensing.Sym); !symmetric {
		smallest = sensing.Rect{N1: 1, N2: 1}
	}
	shapes, err := p.Shapes(smallest, factorRank)
	if err != nil {
		return 0, false // the parametrization refuses the space itself as well
	}
	l, r := p.Thin(NewFactor(shapes))
	_, d = l.Dims()
	return d, l != r
}

// worthwhile says whether a factor W with d columns is measured where it is: if that moves fewer numbers
// than a copy, or if the host's decompositions of W take more than a moment. If d ≤ 3r*, a copy has no more
// numbers than the matrices that are factorized on the host.
func worthwhile(space sensing.Space, two bool, d, rank, values int) bool {
	const moment = 1 << 26 // multiplications
	n1, n2 := space.Dims()
	rows := float64(n1)
	if two {
		rows += float64(n2)
	}
	return d > max(3*rank, values) || d >= rank && rows*float64(d)*float64(d) > moment
}

// meterNumbers counts the numbers of a [thinMeter]'s matrices.
func meterNumbers(space sensing.Space, two, known bool, rank int) float64 {
	n1, n2 := space.Dims()
	rows, ones := float64(n1), float64(mostOnes(rank))
	if two {
		rows += float64(n2)
	}
	bases := 1.0 // of the estimate
	if known {
		bases++ // of the truth
		if two {
			bases++ // and of its columns and rows
		}
	}
	return chunkVectors*ones + bases*rows*float64(rank)
}

// workNumbers counts the numbers of a [thinWork]'s matrices.
func workNumbers(space sensing.Space, two, known bool, columns, rank int) float64 {
	n1, n2 := space.Dims()
	n, d, r := float64(n1), float64(columns), float64(rank)
	if two {
		n += float64(n2)
	}
	few := max(r, 1)
	panels := 2*(d+n)*r + 2*r*r
	vectors := n + 3*d + 2*chunkVectors
	small := few*few + few*d + chunkVectors*few
	basis := float64((typicalVectors(columns)+chunkVectors-1)/chunkVectors) * chunkVectors * (d + 1)
	sides := 1.0
	if two {
		sides++
	}
	switch {
	case known:
		small += sides*(d*d+r*d) + float64(partRows(n1, n2, columns))*d
	case two:
		small += d * d
	}
	return panels + vectors + small + basis
}

// typicalVectors is how many vectors a Lanczos basis for W with d columns has in a typical run. From random
// starts and with signals of any size, the largest basis had 50 vectors at n = d = 100, 63 at 200, 78 at 400
// and 87 at 800. More are needed if the values that are wanted lie closer together.
func typicalVectors(d int) int { return min(d, 2*chunkVectors) }
