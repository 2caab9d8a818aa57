package roofline

import "github.com/matsense/matsense/internal/work"

// rates are what a device does in a second. A rate that is not known is 0.
type rates struct{ bytes, doubles, gathers float64 }

// Limit is the least time of a step.
type Limit struct {
	// Seconds is 0 if no limit is known.
	Seconds float64
	// Bound says what takes it: reading, multiply-adds or gathers; empty if no limit is known.
	Bound string
}

// limitOf returns the largest of the times that the parts of the work take: they can overlap.
func limitOf(w work.Work, r rates) (l Limit) {
	const singles = 2 // a register has room for twice as many singles as doubles
	for _, part := range []struct {
		amount, rate float64
		bound        string
	}{
		{w.Bytes, r.bytes, "reading"},
		{w.Doubles + w.Singles/singles, r.doubles, "multiply-adds"},
		{w.Gathers, r.gathers, "gathers"},
	} {
		if part.rate > 0 && part.amount/part.rate > l.Seconds {
			l = Limit{part.amount / part.rate, part.bound}
		}
	}
	return l
}
