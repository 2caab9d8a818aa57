package serve

import (
	"github.com/matsense/matsense/internal/roofline"
	"github.com/matsense/matsense/solver"
)

// bandwidth measures the rate at which the memory of a problem's device is read: the limit of gradients whose
// measurements are in memory. Its first call takes memory, which the problem keeps until it is closed.
func (s *session) bandwidth(text []byte, a *answer) error {
	var r struct {
		head
		Problem int `json:"problem"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	if p.probe == nil {
		b, ok := p.Plan.Backend.(roofline.Backend)
		if !ok {
			return solver.Unsupportedf("%s cannot measure how fast it reads memory", p.Plan.Backend.Name())
		}
		if p.probe, p.closeProbe, err = b.Probe(); err != nil {
			return err
		}
	}
	rate, err := p.probe()
	if err != nil {
		return err
	}
	a.number("bytes_per_second", rate)
	return nil
}
