package solver

// Start makes the first iterate.
type Start interface {
	// Factor returns U₀ with the given shapes. It may call spectral for the spectral estimate with k pairs,
	// which is made on first use.
	Factor(shapes []Shape, spectral func(k int) (*SpectralEstimate, error)) (Factor, error)
}
