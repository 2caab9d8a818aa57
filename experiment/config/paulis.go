package config

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
)

// checkPaulis wants the observations in one scale.
func (c *Config) checkPaulis(m *Mistakes) {
	if c.Observations != "" && c.Expectations != "" {
		m.Bad("expectations", "expectations and observations are the same in two scales: give one of them")
	}
}

// readPaulis reads the words, which are few bytes each.
func (c *Config) readPaulis() (*sensing.PauliList, error) {
	qubits := 0
	if c.Given("n") && c.N > 0 && c.N&(c.N-1) == 0 {
		qubits = bits.Len(uint(c.N)) - 1
	}
	list, err := sensing.LoadPaulis(c.Paulis, qubits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Paulis, err)
	}
	return list, nil
}

// paulisSize reads the words, and finds out whether there are observations.
func (c *Config) paulisSize(rectangular bool) (DataSize, error) {
	list, err := c.readPaulis()
	switch {
	case err != nil:
		return DataSize{}, err
	case rectangular:
		return DataSize{}, fmt.Errorf("user Pauli words measure symmetric matrices: they go with "+
			"parametrization psd or indefinite, not %s", c.Parametrization)
	case list.Expectations != nil && c.Observations+c.Expectations != "":
		return DataSize{}, fmt.Errorf("%s has expectations after its words: leave observations and "+
			"expectations out", c.Paulis)
	case list.Expectations == nil && c.Observations+c.Expectations == "":
		return DataSize{}, fmt.Errorf("user paulis need what was measured as well: list the expectation "+
			"after each word, as XIZY,0.53, or add expectations, a .npy file of shape (%d,)",
			list.Words.Measurements())
	}
	n, _ := list.Words.Space().Dims()
	return DataSize{M: list.Words.Measurements(), N1: n, N2: n,
		Says: fmt.Sprintf("paulis %s has %d words of %d letters", c.Paulis, list.Words.Measurements(),
			len(list.Words.Word(0)))}, nil
}

// loadPaulis reads the words, and scales expectations.
func (d *Data) loadPaulis(c *Config, _ sensing.Space) error {
	list, err := c.readPaulis()
	if err != nil {
		return err
	}
	d.Problem.Ensemble = list.Words
	if c.Observations != "" {
		d.judgeScale(list.Words)
		return nil
	}
	expectations, from, err := c.expectations(list)
	if err != nil {
		return err
	}
	// Estimates may lie a little outside, if errors of readout were corrected in them.
	const most = 2
	switch largest := largestOf(expectations); {
	case largest > most:
		return fmt.Errorf("%s has values of up to %.4g, and expectations lie between -1 and 1: counts of "+
			"shots have to be averaged; values in the scale of observations (docs/tomography.md) are given "+
			"with observations", from, largest)
	case largest > 1:
		d.Notices = append(d.Notices, fmt.Sprintf("%s has values of up to %.6g, and expectations of a "+
			"state lie between -1 and 1: they are taken as they are", from, largest))
	}
	d.Problem.Observations = list.Words.Observations(expectations)
	return nil
}

// expectations returns those after the words, or reads the file that has them, and says where they are from.
func (c *Config) expectations(list *sensing.PauliList) (values []float64, from string, err error) {
	if list.Expectations != nil {
		return list.Expectations, c.Paulis, nil
	}
	e, err := npy.Load(c.Expectations)
	if err != nil {
		return nil, "", err
	}
	return e.Data().([]float64), c.Expectations, nil
}

// observedPaulis reads the expectations, as observations.
func (c *Config) observedPaulis() ([]float64, error) {
	list, err := c.readPaulis()
	if err != nil {
		return nil, err
	}
	expectations, _, err := c.expectations(list)
	if err != nil {
		return nil, err
	}
	if m := list.Words.Measurements(); len(expectations) != m {
		return nil, fmt.Errorf("%d expectations of %d words", len(expectations), m)
	}
	return list.Words.Observations(expectations), nil
}

// judgeScale says so if observations look like expectations that were not scaled. Those of a few random words
// of a state of low rank exceed 1 in their scale.
func (d *Data) judgeScale(words *sensing.Pauli) {
	if largest := largestOf(d.Problem.Observations); largest > 0 && largest <= 1 {
		d.Notices = append(d.Notices, fmt.Sprintf("all observations lie between -1 and 1, as expectations "+
			"do, but an expectation of 1 is the observation %.4g here: if they are expectations, say "+
			"--expectations instead of --observations", words.Unit()))
	}
}

// largestOf is the largest magnitude of numbers.
func largestOf(numbers []float64) (largest float64) {
	for _, v := range numbers {
		largest = max(largest, math.Abs(v))
	}
	return largest
}
