package sensing

import (
	"fmt"
	"math"
	"slices"
)

// Problem is a set of measurements and the observations made with them.
type Problem struct {
	// Ensemble has the measurements and their space.
	Ensemble Ensemble
	// Observations is y, m numbers. If it is nil, an engine computes the linear observations
	// y_i = ⟨A_i, M*⟩ + Noise·w_i from the truth, in double precision, when it opens the problem, and adds
	// the outliers. The other observation models make y beforehand: see [SingleIndex.Observe] and
	// [Link.Observe].
	Observations []float64
	// Truth is M*, or nil if it is not known. The metrics that need it are then NaN.
	Truth *Truth
	// Noise is σ ≥ 0, the standard deviation of the noise on observations made from the truth, or 0. If
	// NoiseRatio is not 0, making the observations sets it.
	Noise float64
	// NoiseRatio is σ over the root mean square of the exact observations, for noise whose size follows from
	// them ([NoiseRatio] of a signal-to-noise ratio); 0 if Noise says the size.
	NoiseRatio float64
	// Outliers are added to observations made from the truth, after the noise.
	Outliers Outliers
	// NoiseSeed keys the noise w and the outliers.
	NoiseSeed uint64
	// HeldOut has measurements that are none of the Ensemble's, for the error on data that no gradient uses;
	// nil for none.
	HeldOut *HeldOut

	// made: the observations are linear ones made from the truth, with their noise.
	made bool
}

// Largest bounds the magnitude of observations and of elements of measurement matrices: the loss and the
// spectral estimate multiply two of them.
const Largest = 1e150

// Validate returns an error if the problem is not complete and consistent.
func (p *Problem) Validate() error {
	if p.Ensemble == nil {
		return fmt.Errorf("sensing: a problem needs an ensemble")
	}
	m := p.Ensemble.Measurements()
	n1, n2 := p.Ensemble.Space().Dims()
	if m < 1 || n1 < 1 || n2 < 1 {
		return fmt.Errorf("sensing: the %s ensemble has %d measurements of %d × %d matrices: "+
			"there must be at least one of each", p.Ensemble.Name(), m, n1, n2)
	}
	if p.Truth == nil && p.Observations == nil {
		return fmt.Errorf("sensing: a problem needs observations, or a truth to make them from")
	}
	if p.Observations != nil && len(p.Observations) != m {
		return fmt.Errorf("sensing: %d observations for %d measurements", len(p.Observations), m)
	}
	if err := CheckObservations(p.Observations); err != nil {
		return err
	}
	if t := p.Truth; t != nil {
		if t1, t2 := t.Dims(); t1 != n1 || t2 != n2 {
			return fmt.Errorf("sensing: the truth is %d × %d and the measurements are %d × %d",
				t1, t2, n1, n2)
		}
		if _, sym := p.Ensemble.Space().(Sym); sym && !t.Symmetric() {
			return fmt.Errorf("sensing: the truth is not symmetric, " +
				"and the measurements are of symmetric matrices")
		}
	}
	if p.HeldOut != nil {
		if err := p.HeldOut.validate(p.Ensemble.Space()); err != nil {
			return err
		}
	}
	if p.Observations == nil {
		if err := p.Outliers.check(m); err != nil {
			return err
		}
	}
	if !(p.Noise >= 0 && p.Noise <= Largest/10) { // no deviate reaches 10
		return fmt.Errorf("sensing: the noise's standard deviation goes from 0 to %g, got %v",
			Largest/10, p.Noise)
	}
	if !(p.NoiseRatio >= 0 && p.NoiseRatio <= Largest/10) {
		return fmt.Errorf("sensing: the noise over the exact observations goes from 0 to %g, got %v",
			Largest/10, p.NoiseRatio)
	}
	return nil
}

// CheckObservations refuses observations whose squares would not be finite.
func CheckObservations(y []float64) error {
	for i, v := range y {
		if !(math.Abs(v) <= Largest) {
			return fmt.Errorf("sensing: observation %d is %v: every observation must be finite, "+
				"and at most %g so that its square is finite", i, v, Largest)
		}
	}
	return nil
}

// AddNoise adds σ·w_i to each exact observation y_i, and then the outliers: w_i is the i-th deviate of row 0
// of the noise stream, and σ is Noise, or follows from NoiseRatio and all exact observations. Noise is σ
// afterwards. If the problem's last measurements are held out and their noise is still to be added, AddNoise
// adds it as well, and their share of the outliers.
func (p *Problem) AddNoise(y []float64) {
	var held []float64
	if p.HeldOut != nil {
		held = p.HeldOut.exact
	}
	p.Noise, p.made = p.deviation(y, held), true
	all := slices.Concat(y, held)
	p.addErrors(all)
	copy(y, all)
	if held != nil {
		copy(p.HeldOut.Observations, all[len(y):])
	}
}

// addErrors adds noise of the standard deviation Noise, and the outliers, to all observations: those of the
// ensemble and those that are held out.
func (p *Problem) addErrors(all []float64) {
	if p.Noise != 0 {
		w := make([]float64, len(all))
		NewStream(p.NoiseSeed, NoiseStream).Normals(0, w)
		for i := range all {
			all[i] += float64(p.Noise * w[i])
		}
	}
	p.Outliers.addTo(all, p.NoiseSeed)
}

// Errors returns y_i − ⟨A_i, M*⟩ of the ensemble's m measurements: their noise and outliers. It is nil if
// they are exact. known is false if [Problem.AddNoise] has not made the observations, so that they are a
// user's, of another observation model, or not made yet. The numbers have the same bits on every machine.
func (p *Problem) Errors() (e []float64, known bool) {
	if !p.made || p.Noise == 0 && (p.Outliers.Count == 0 || p.Outliers.Size == 0) {
		return nil, p.made
	}
	var held []int
	if p.HeldOut != nil {
		held = p.HeldOut.numbers
	}
	all := make([]float64, p.Ensemble.Measurements()+len(held))
	p.addErrors(all)
	if len(held) > 0 {
		all, _ = divided(all, 1, held)
	}
	return all, true
}
