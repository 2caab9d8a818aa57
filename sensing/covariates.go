package sensing

import "math"

// covariates is a law of the independent coordinates of X, with mean 0 and variance 1.
type covariates struct {
	name string
	// normals is how many normal deviates a coordinate takes, and draw makes it of them.
	normals int
	draw    func(g []float64) float64
	// score is S(x) = −(ln p)′(x) of the law's density p.
	score func(x float64) float64
	// characteristic is E cos(t·x).
	characteristic func(t float64) float64
}

// gaussianCovariates is the law that has no need of a score function.
const gaussianCovariates = "gaussian"

// allCovariates returns all laws. Their draws and scores have the same bits on every machine.
func allCovariates() []covariates {
	return []covariates{
		{gaussianCovariates, 1, func(g []float64) float64 { return g[0] },
			func(x float64) float64 { return x },
			func(t float64) float64 { return math.Exp(-t * t / 2) }},
		// g_0·√(3/χ²_5): Student's t with 5 degrees of freedom has the variance 5/3, and
		// p ∝ (1 + x²/3)^(−3) with the variance 1.
		{"student", 6, func(g []float64) float64 { return g[0] * math.Sqrt(3/dot(g[1:], g[1:])) },
			func(x float64) float64 { return 6 * x / (3 + float64(x*x)) },
			func(t float64) float64 {
				t = math.Sqrt(3) * math.Abs(t)
				return math.Exp(-t) * (1 + t + t*t/3)
			}},
		// The difference of two exponential variables, each half of a χ²_2, has p ∝ exp(−|x|); with the
		// variance 1 it is p ∝ exp(−√2|x|).
		{"laplace", 4, func(g []float64) float64 {
			return (dot(g[:2], g[:2]) - dot(g[2:], g[2:])) / (2 * math.Sqrt2)
		}, func(x float64) float64 { return math.Copysign(math.Sqrt2, x) },
			func(t float64) float64 { return 1 / (1 + t*t/2) }},
	}
}

// SingleIndexCovariates returns the names of the laws of covariates: standard normal coordinates, Student's t
// with 5 degrees of freedom and Laplace's law, the last two scaled to variance 1.
func SingleIndexCovariates() (names []string) {
	for _, c := range allCovariates() {
		names = append(names, c.name)
	}
	return names
}

// row fills x with row i of a stream. Coordinate c takes the row's normal deviates from number c·normals on.
func (c covariates) row(s Stream, i uint64, x []float64) {
	if c.normals == 1 {
		s.Normals(i, x)
		return
	}
	g := make([]float64, c.normals*len(x))
	s.Normals(i, g)
	for j := range x {
		x[j] = c.draw(g[j*c.normals:][:c.normals])
	}
}

// toScores replaces coordinates by their scores.
func (c covariates) toScores(x []float64) {
	if c.name == gaussianCovariates {
		return
	}
	for j, v := range x {
		x[j] = c.score(v)
	}
}

// eta returns η = E h′(g) with g = Σ_c index_c·X_c, for a unit vector index. If g has the characteristic
// function φ, it is ∫ φ(t)·w(t) dt over t > 0, where w(t)/2 is the Fourier transform of h′ over 2π. The
// substitution t = (q/(1 − q))² makes the integrand smooth on 0 < q < 1, whatever power of t w and φ fall
// with.
func (c covariates) eta(h link, index []float64) float64 {
	if c.name == gaussianCovariates || h.spectrum == nil {
		return h.eta // without a spectrum η is the same for every law of variance 1
	}
	counts := map[float64]int{} // the magnitudes of a sparse vector are few
	var magnitudes []float64
	for _, v := range index {
		if v = math.Abs(v); v > 0 {
			if counts[v] == 0 {
				magnitudes = append(magnitudes, v)
			}
			counts[v]++
		}
	}
	const points = 4000
	var sum float64
	for k := range points {
		q := (float64(k) + 0.5) / points
		root := q / (1 - q)
		t := root * root
		phi := 1.0
		for _, v := range magnitudes {
			phi *= math.Pow(c.characteristic(v*t), float64(counts[v]))
		}
		sum += phi * h.spectrum(t) * 2 * root / ((1 - q) * (1 - q)) / points
	}
	return sum
}
