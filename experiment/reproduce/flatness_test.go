package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

func TestFlatness(t *testing.T) {
	// law makes runs of a rank-one problem whose flatness is the least for their nuclear norms, then changes
	// their points.
	law := func(change func(o *observation, noisy bool, p *sweep.Point)) (all []observation) {
		for _, depth := range []int{2, 3} {
			for _, kind := range []string{"small", "large", "noisy"} {
				all = append(all, grid([]float64{0}, func(o *observation, _, w float64) {
					o.Depth, o.Rank, o.Kappa, o.N, o.N2 = depth, 1, 1, 12, 8
					o.Method, o.Alpha = "gd", 0.7
					nuclear, testError := 1.7, 0.5
					loss := []float64{0.3, 0.002, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9}
					switch kind {
					case "small":
						o.Alpha, nuclear, testError = 0.1, 1.001, 0.01
					case "noisy":
						o.Method, nuclear, testError = "label-noise-gd", 1.05, 0.04
						loss = []float64{0.3, 0.002, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4, 5e-4}
					}
					o.Trajectory = nil
					for i, v := range loss {
						p := sweep.Point{
							Iteration: 10 * i, TrainLoss: v,
							TestError: w * testError,
							Flatness:  w * leastFlatness(*o, nuclear),
						}
						p.Set("nuclear_norm", nuclear)
						if i < 4 {
							p.Flatness *= 2
						}
						change(o, kind == "noisy", &p)
						o.Trajectory = append(o.Trajectory, p)
					}
				})...)
			}
		}
		return all
	}
	is := func(what string, want Status, change func(o *observation, noisy bool, p *sweep.Point)) {
		t.Helper()
		expect(t, what, judgeFlatness(law(change)), want)
	}
	is("as claimed", Agrees, func(*observation, bool, *sweep.Point) {})
	is("small starts that stay far off", Disagrees, func(o *observation, _ bool, p *sweep.Point) {
		if o.Alpha < 0.5 {
			p.TestError = 0.4
		}
	})
	is("noise that leaves the flatness", Disagrees, func(_ *observation, noisy bool, p *sweep.Point) {
		if noisy && p.Iteration < 40 {
			p.Flatness /= 2.5
		}
	})
	is("noise that does not help", Disagrees, func(_ *observation, noisy bool, p *sweep.Point) {
		if noisy {
			p.TestError = 0.6
		}
	})
	is("noise that helps a little", Unclear, func(_ *observation, noisy bool, p *sweep.Point) {
		if noisy {
			p.TestError = 0.4
		}
	})
	is("noise that loses the fit", Unclear, func(_ *observation, noisy bool, p *sweep.Point) {
		if noisy && p.Iteration > 20 {
			p.TrainLoss = 0.02
		}
	})
	is("noise that fits nothing", Disagrees, func(_ *observation, noisy bool, p *sweep.Point) {
		if noisy && p.Iteration > 20 {
			p.TrainLoss = 0.2
		}
	})
	is("another formula", Disagrees, func(_ *observation, _ bool, p *sweep.Point) { p.Flatness *= 3 })
	is("large starts that find the truth as well", Unclear, func(_ *observation, noisy bool, p *sweep.Point) {
		if !noisy {
			p.TestError = min(p.TestError, 0.09)
		}
	})
	is("an unknown flatness", Unclear, func(_ *observation, _ bool, p *sweep.Point) {
		p.Flatness = math.NaN()
	})
	expect(t, "one kind of runs", judgeFlatness(law(func(*observation, bool, *sweep.Point) {})[:4]), Unclear)
	expect(t, "nothing", judgeFlatness(nil), Unclear)
}
