package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/sensing"
)

// drawsTruth says whether the truth is drawn.
func (c *Config) drawsTruth() bool { return !c.HasUserData() && c.Truth == "" }

// hasKappa says whether the truth is drawn with an even spectrum, which kappa describes.
func (c *Config) hasKappa() bool { return c.drawsTruth() && c.Spectrum == "" }

// hasSpectrum says whether the truth is drawn with a spectrum that was given.
func (c *Config) hasSpectrum() bool { return c.drawsTruth() && c.Spectrum != "" }

// checkSpectrum finds mistakes in the spectrum of a truth that is drawn, and fills in the rank of a list.
func (c *Config) checkSpectrum(m *Mistakes) {
	switch {
	case c.Spectrum == "":
		return
	case c.Truth != "":
		m.Bad("spectrum", "spectrum is for a truth that is drawn, not for a user's")
		return
	}
	if c.Given("kappa") && c.Kappa != 0 {
		m.Bad("kappa", "kappa and spectrum are two ways to say the singular values: give one of them")
	}
	values, err := c.givenSpectrum()
	if err == nil && !strings.Contains(c.Spectrum, ":") {
		c.fill(m, "rank", &c.Rank, len(values), fmt.Sprintf("spectrum lists %d singular values", len(values)))
	}
	if err != nil {
		m.Bad("spectrum", "%v", err)
		return
	}
	for i, value := range values {
		switch {
		case i > 0 && value > values[i-1]:
			m.Bad("spectrum", "spectrum says the singular values of M*, largest first, got %q", c.Spectrum)
			return
		case value <= sensing.RankTolerance*values[0]:
			m.Bad("spectrum", "singular value %d of %q is %.3g, which counts as zero beside the largest, %.3g: "+
				"take fewer", i+1, c.Spectrum, value, values[0])
			return
		}
	}
}

// checkVectors checks the law of the singular vectors of a truth that is drawn.
func (c *Config) checkVectors(m *Mistakes) {
	if c.SingularVectors == "" {
		return
	}
	if c.Truth != "" {
		m.Bad("singular-vectors", "singular-vectors is for a truth that is drawn, not for a user's")
		return
	}
	m.OneOf("singular-vectors", c.SingularVectors, sensing.VectorLaws()...)
	if c.SingularVectors == string(sensing.UniformVectors) {
		c.SingularVectors = "" // as in configurations before there was a choice, whose fingerprints stay
	} else if most := 1 / math.Sqrt(sensing.RankTolerance); c.hasKappa() && c.Kappa > most {
		m.Bad("kappa", "with singular-vectors %s, kappa is at most %g, got %v", c.SingularVectors, most, c.Kappa)
	}
}

// givenSpectrum returns the singular values of M* that spectrum says: those of a list, in which 0.001*37
// means 37 equal ones, or of a law as many as rank says.
func (c *Config) givenSpectrum() (values []float64, err error) {
	if name, text, law := strings.Cut(c.Spectrum, ":"); law {
		number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		for i := range max(c.Rank, 0) {
			var value float64
			switch name = strings.TrimSpace(name); {
			case err == nil && name == "power" && number > 0 && number <= 100 && math.Mod(2*number, 1) == 0:
				value = 1 / inverseOfPower(float64(1+i), number)
			case err == nil && name == "geometric" && number > 0 && number <= 1:
				value = math.Pow(number, float64(i))
			case err == nil && name == "even" && number >= 1 && (c.Rank > 1 || number == 1):
				value = sensing.EvenSpectrum(c.Rank, number)[i]
				if i > 0 { // rounding makes no later one larger
					value = min(value, values[i-1])
				}
			default:
				return nil, fmt.Errorf("a law is power:p with p = 0.5, 1, 1.5, … up to 100, geometric:q "+
					"with 0 < q ≤ 1, or even:c with c ≥ 1 (for rank 1, c = 1), got %q", c.Spectrum)
			}
			values = append(values, value)
		}
		return values, nil
	}
	for text := range strings.SplitSeq(c.Spectrum, ",") {
		number, times, repeated := strings.Cut(text, "*")
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		count := 1
		if err == nil && repeated {
			count, err = strconv.Atoi(strings.TrimSpace(times))
		}
		if err != nil || !(value > 0) || value > sensing.Largest || count < 1 || count > mostRepeats {
			return nil, fmt.Errorf("spectrum is a list of positive numbers such as 1,0.5,0.1, in which "+
				"0.001*37 repeats a number 37 times (at most %d), or power:p, geometric:q or even:c, got %q",
				mostRepeats, c.Spectrum)
		}
		for range count {
			values = append(values, value)
		}
	}
	return values, nil
}

// mostRepeats is how often a list may repeat a singular value.
const mostRepeats = 1 << 20

// inverseOfPower returns i^p for p = 0.5, 1, 1.5, …. [math.Pow] of whole numbers and square roots have the
// same bits on every machine, and other powers do not.
func inverseOfPower(i, p float64) float64 {
	whole := math.Floor(p)
	value := math.Pow(i, whole)
	if p > whole {
		value *= math.Sqrt(i)
	}
	return value
}

// ownTruth is what is known of the user's truth where the measurements are drawn.
type ownTruth struct {
	files, parametrization string
	singular               []float64 // of M*; nil if the files have mistakes
}

// takeTruth reads the user's truth where the measurements are drawn, unless it was read before. It fills in
// the sizes that the truth implies, or compares them with what was given.
func (c *Config) takeTruth(m *Mistakes) {
	files := c.Truth + "\x00" + c.TruthRight
	if c.Truth == "" || c.HasUserData() || c.own != nil && c.own.files == files &&
		c.own.parametrization == c.Parametrization {
		return
	}
	c.own = &ownTruth{files: files, parametrization: c.Parametrization}
	p, mistakes := c.ChosenParametrization(), len(m.problems)
	pair := slices.Contains(p.Settings, "truth-right")
	if c.shapes == nil {
		c.shapes = map[string][]int{}
	}
	for _, key := range []string{"truth", "truth-right"} {
		c.readHeader(m, c.file(key))
	}
	if len(m.problems) > mistakes || p.UserTruth == nil || pair != (c.TruthRight != "") { // said elsewhere
		return
	}
	truth, err := c.userTruth()
	var usage *UsageError
	if errors.As(err, &usage) {
		m.problems = append(m.problems, usage.Problems...)
		return
	}
	n1, n2 := truth.Dims()
	c.fill(m, "n", &c.N, n1, c.says("truth"))
	if p.Rectangular {
		c.fill(m, "n2", &c.N2, n2, fmt.Sprintf("truth is that of a matrix of %d × %d", n1, n2))
	}
	c.fill(m, "rank", &c.Rank, truth.Rank(), c.says("truth"))
	if p.Vector {
		count := 0
		for _, v := range truth.X().RawMatrix().Data {
			if v != 0 {
				count++
			}
		}
		c.fill(m, "sparsity", &c.Sparsity, count,
			fmt.Sprintf("truth has %d elements that are not zero", count))
	}
	for _, sigma := range truth.Sigma() {
		c.own.singular = append(c.own.singular, sigma*sigma)
	}
}

// Singular returns the singular values of M*, largest first, if the measurements are drawn; nil of user data.
func (c *Config) Singular() []float64 {
	if !c.hasKappa() {
		return c.singular()
	}
	values := sensing.EvenSpectrum(c.Rank, c.Kappa)
	for i, sigma := range values {
		values[i] = sigma * sigma
	}
	return values
}

// singular returns the singular values of M*, largest first, of a truth that is drawn with a spectrum or
// comes from the user's files while the measurements are drawn; nil of others.
func (c *Config) singular() []float64 {
	switch {
	case c.HasUserData():
	case c.Truth != "" && c.own != nil:
		return c.own.singular
	case c.hasSpectrum():
		if values, err := c.givenSpectrum(); err == nil {
			return values
		}
	}
	return nil
}

// soughtSingular returns [Config.singular] where M* itself is sought, and nil where only its direction is.
func (c *Config) soughtSingular() []float64 {
	if c.LinkScale == unknownScale {
		return nil
	}
	return c.singular()
}
