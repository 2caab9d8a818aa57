package cpu

// ending is the assembly that ends sums over rows: of the lanes of dot products, and of the chunks of an
// accumulation. The zero value is without assembly. A step with fast rows, such as generated signs, spends
// a tenth of its time here in plain Go.
type ending[F number] struct {
	fold func(p *[blockRows]float64, lanes *F)
	plus func(dst *float64, src *F, count int) // for a count that is a multiple of plusStep
}

// plusStep is how many numbers an iteration of plus takes.
const plusStep = 16

// foldInto does p[j] += the sum of the lanes of row j.
func (e ending[F]) foldInto(p *[blockRows]float64, lanes *[blockRows * maxLanes]F) {
	if e.fold != nil {
		e.fold(p, &lanes[0])
		return
	}
	count := laneCount[F]()
	for j := range p {
		p[j] += fold(lanes[j*count : (j+1)*count])
	}
}

// addTo does dst ← dst + src.
func (e ending[F]) addTo(dst []float64, src []F) {
	whole := 0
	if e.plus != nil && len(src) >= plusStep {
		whole = len(src) / plusStep * plusStep
		e.plus(&dst[:whole][0], &src[0], whole)
	}
	plus(dst[whole:], src[whole:])
}
