package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rating is an entry of a list with its value.
type rating struct {
	i, j  int
	value float64
}

// noisyRatings returns entries of a matrix of rank 2 with noise, to fit and to hold out.
func noisyRatings(n1, n2 int, symmetric bool) (fitted, held []rating) {
	r := rand.New(rand.NewPCG(1, 2))
	normals := func(rows int) [][2]float64 {
		x := make([][2]float64, rows)
		for i := range x {
			x[i] = [2]float64{r.NormFloat64(), r.NormFloat64()}
		}
		return x
	}
	x, y := normals(n1), normals(n2)
	if symmetric {
		y = x
	}
	for i := range n1 {
		for j := range n2 {
			if symmetric && j < i {
				continue
			}
			v := x[i][0]*y[j][0] + x[i][1]*y[j][1] + 0.3*r.NormFloat64()
			switch {
			case (i+j)%5 == 0 || i == n1-1 && j == n2-1: // the largest indices are fitted
				fitted = append(fitted, rating{i, j, v})
			case r.Float64() < 0.25:
				held = append(held, rating{i, j, v})
			case r.Float64() < 0.7:
				fitted = append(fitted, rating{i, j, v})
			}
		}
	}
	return fitted, held
}

// listFile writes entries as triplets.
func listFile(t *testing.T, list []rating) string {
	t.Helper()
	var text strings.Builder
	for _, x := range list {
		fmt.Fprintf(&text, "%d,%d,%v\n", x.i, x.j, x.value)
	}
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// resultOf multiplies out the matrix of a run's result, by each parametrization's definition.
func resultOf(t *testing.T, c *config.Config, dir string) *mat.Dense {
	t.Helper()
	load := func(name string) *mat.Dense {
		u, err := npy.LoadMatrix(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	var z, minus mat.Dense
	switch c.Parametrization {
	case "psd":
		u := load("factor.npy")
		z.Mul(u, u.T())
	case "uv":
		z.Mul(load("factor.npy"), load("factor-right.npy").T())
	case "indefinite":
		u, v := load("factor.npy"), load("factor-right.npy")
		z.Mul(u, u.T())
		minus.Mul(v, v.T())
		z.Sub(&z, &minus)
	case "polar":
		x, theta := load("factor.npy"), load("factor-right.npy")
		z.Product(x, theta, x.T())
		minus.CloneFrom(z.T())
		z.Add(&z, &minus)
		z.Scale(0.5, &z)
	case "sparse":
		u, v := load("factor.npy"), load("factor-right.npy")
		z.MulElem(u, u)
		minus.MulElem(v, v)
		z.Sub(&z, &minus)
	case "deep":
		product := load("factor-1.npy")
		for j := 2; j <= c.Depth; j++ {
			var next mat.Dense
			next.Mul(load(fmt.Sprintf("factor-%d.npy", j)), product)
			product = &next
		}
		return product
	}
	return &z
}

// rmse is the root mean square of Z − M over listed positions; over both sides of the diagonal if the matrix
// is symmetric.
func rmse(z *mat.Dense, list []rating, symmetric bool) float64 {
	var squares, count float64
	for _, x := range list {
		e, times := z.At(x.i, x.j)-x.value, 1.0
		if symmetric && x.i != x.j {
			times = 2
		}
		squares, count = squares+times*e*e, count+times
	}
	return math.Sqrt(squares / count)
}

// stoppedAt carries out a run with so many iterations, and returns its outcome and its directory.
func stoppedAt(t *testing.T, h Host, iterations int, settings ...string) (*Outcome, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	c := configOf(t, append(slices.Clone(settings), fmt.Sprint("iterations=", iterations))...)
	out, err := runHere(c, h, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return out, dir
}

// TestHeldOutAlongTheRun: at each sample the RMSE of the fitted and of the held-out entries is that of a
// plain loop over the entries, with the factor of a run that is stopped there; for every parametrization, on
// the cpu and on the emulator.
func TestHeldOutAlongTheRun(t *testing.T) {
	for _, x := range []struct {
		parametrization string
		n1, n2          int
		settings        string
	}{
		{"uv", 11, 8, "factor-rank=4 alpha=0.1 step=0.05"},
		{"uv", 11, 8, "factor-rank=8 alpha=1e-3 step=0.05 rank=1"}, // measured where the engine keeps the factor
		{"psd", 9, 9, "factor-rank=3 alpha=0.1 step=0.02"},
		{"indefinite", 9, 9, "factor-rank=3 alpha=0.1 step=0.02"},
		{"polar", 9, 9, "factor-rank=3 alpha=0.5 step=0.02"},
		{"deep", 11, 8, "factor-rank=4 depth=3 alpha=1 step=0.01"},
		{"sparse", 30, 1, "alpha=0.1 step=0.02"},
	} {
		fitted, held := noisyRatings(x.n1, x.n2, x.n1 == x.n2)
		settings := append(strings.Fields(x.settings), "measure-every=4",
			"parametrization="+x.parametrization, "triplets="+listFile(t, fitted),
			"test-triplets="+listFile(t, held))
		for _, device := range []string{"cpu", "emulator"} {
			settings := append(slices.Clone(settings), "device="+device)
			whole, wholeDir := stoppedAt(t, emulatorHost(), 12, settings...)
			if n := whole.Summary.Problem; n.Measurements != len(fitted) || n.HeldOut != len(held) {
				t.Fatalf("%s: %d measurements and %d held out", x.parametrization, n.Measurements, n.HeldOut)
			}
			for _, s := range whole.Trajectory {
				dir := wholeDir
				switch {
				case s.Iteration == 12:
				case device == "emulator": // which takes a while: its last sample is enough
					continue
				default:
					_, dir = stoppedAt(t, emulatorHost(), s.Iteration, settings...)
				}
				z := resultOf(t, &whole.Config, dir)
				for _, v := range []struct {
					name string
					got  float64
					list []rating
				}{{"train", s.TrainRMSE, fitted}, {"held-out", s.HeldOutRMSE, held}} {
					want := rmse(z, v.list, x.n1 == x.n2)
					// The loss is a sum in another order, and on the emulator in another one again.
					if !(math.Abs(v.got-want) <= 1e-10*want) {
						t.Errorf("%s on %s: the %s RMSE at %d is %v, not %v", x.parametrization, device, v.name,
							s.Iteration, v.got, want)
					}
				}
			}
		}
	}
}

// overfitting are settings of a run on noisy entries whose held-out RMSE falls, has a minimum and grows.
func overfitting(t *testing.T) []string {
	fitted, held := noisyRatings(14, 10, false)
	return []string{"parametrization=uv", "factor-rank=10", "alpha=1e-3", "step=0.02", "measure-every=5",
		"checkpoint-every=0", "device=cpu", "triplets=" + listFile(t, fitted),
		"test-triplets=" + listFile(t, held)}
}

// turn returns the iteration of the least held-out RMSE of a run with overfitting settings, which must be
// neither its beginning nor its end.
func turn(t *testing.T, tr solver.Trajectory) int {
	t.Helper()
	best := 0
	for i := range tr {
		if tr[i].HeldOutRMSE < tr[best].HeldOutRMSE {
			best = i
		}
	}
	if best == 0 || tr[len(tr)-1].HeldOutRMSE < 1.05*tr[best].HeldOutRMSE {
		t.Fatalf("the held-out RMSE does not turn: the least is at sample %d of %d", best, len(tr))
	}
	return tr[best].Iteration
}

// TestKeepBest: the kept iterate has the bits of a run that is stopped there, and so it has after an
// interruption, before or after the best iterate, at any iteration. It is the last one without keep best.
func TestKeepBest(t *testing.T) {
	settings := overfitting(t)
	const iterations = 400
	last, lastDir := stoppedAt(t, cpuHost(1e9), iterations, settings...)
	at := turn(t, last.Trajectory)
	keep := append(slices.Clone(settings), "keep=best")
	best, bestDir := stoppedAt(t, cpuHost(1e9), iterations, keep...)
	stopped, stoppedDir := stoppedAt(t, cpuHost(1e9), at, settings...)
	_, endDir := stoppedAt(t, cpuHost(1e9), iterations, append(slices.Clone(settings), "keep=last")...)
	if err := errors.Join(sameRun(best.Run, last.Run), sameFactor(t, &best.Config, bestDir, stoppedDir),
		sameFactor(t, &best.Config, lastDir, endDir)); err != nil {
		t.Error(err)
	}
	if sameFactor(t, &best.Config, bestDir, lastDir) == nil {
		t.Error("the best iterate is the last one")
	}
	s, want := best.Summary, float64(stopped.Summary.Final.HeldOutRMSE)
	if s.Iterations != at || s.Steps != iterations || s.Kept != "best" || s.Final.Iteration != at ||
		s.Final.HeldOutRMSE != want || float64(s.BestHeldOut) != want || *s.BestHeldOutIteration != at {
		t.Errorf("the best iterate is %d, with %v, and the summary has %+v", at, want, s)
	}
	if s := last.Summary; s.Iterations != iterations || s.Final.Iteration != iterations ||
		s.Kept != "last" || *s.BestHeldOutIteration != at {
		t.Errorf("the last iterate is %d, and the summary has %+v", iterations, s)
	}
	for _, cut := range []int{3, at - 5, at, at + 1, at + 7, iterations - 1} {
		_, dir := stoppedAt(t, cpuHost(1e9), cut, keep...)
		c := configOf(t, append(slices.Clone(keep), fmt.Sprint("iterations=", iterations))...)
		resumed, err := runHere(c, cpuHost(1e9), Options{Dir: dir, Resume: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(sameRun(resumed.Run, best.Run), sameFactor(t, &c, dir, bestDir)); err != nil {
			t.Errorf("cut at %d: %v", cut, err)
		}
		if resumed.Summary.ResumedFrom == nil || resumed.Summary.Iterations != at {
			t.Errorf("cut at %d: the summary has %+v", cut, resumed.Summary)
		}
	}
}

// TestKeepBestOffTheGrid: the last iterate is measured even if no measurement is due. It is kept if it is the
// best, and a run that goes on forgets it.
func TestKeepBestOffTheGrid(t *testing.T) {
	fine, _ := stoppedAt(t, cpuHost(1e9), 400, overfitting(t)...)
	at := turn(t, fine.Trajectory)
	settings := append(overfitting(t), "keep=best", fmt.Sprint("measure-every=", at+5))
	_, longDir := stoppedAt(t, cpuHost(1e9), 400, settings...)
	out, dir := stoppedAt(t, cpuHost(1e9), at, settings...)
	if s := out.Summary; s.Iterations != at || *s.BestHeldOutIteration != at {
		t.Errorf("the last iterate, %d, is the best, and the summary has %+v", at, s)
	}
	c := configOf(t, append(settings, "iterations=400")...)
	if _, err := runHere(c, cpuHost(1e9), Options{Dir: dir, Resume: true}); err != nil {
		t.Fatal(err)
	}
	if err := sameFactor(t, &c, dir, longDir); err != nil {
		t.Error(err)
	}
}

// TestKeepBestOfEqual: of several iterates with the same error, the first is the best.
func TestKeepBestOfEqual(t *testing.T) {
	out, _ := stoppedAt(t, cpuHost(1e9), 20, append(overfitting(t), "keep=best", "alpha=1e-30")...)
	first, last := out.Trajectory[0], out.Trajectory[len(out.Trajectory)-1]
	if first.HeldOutRMSE != last.HeldOutRMSE || out.Summary.Iterations != 0 ||
		*out.Summary.BestHeldOutIteration != 0 {
		t.Errorf("the errors are %v and %v, and the summary has %+v", first.HeldOutRMSE, last.HeldOutRMSE,
			out.Summary)
	}
}

// TestKeepBestByTestError: without held-out entries and with the truth known, the best iterate is that of the
// least test error. A run that diverges keeps it too.
func TestKeepBestByTestError(t *testing.T) {
	settings := strings.Fields("n=12 rank=2 measurements=90 noise=0.3 alpha=1e-4 measure-every=5 keep=best")
	out, dir := stoppedAt(t, cpuHost(1e9), 400, settings...)
	least := out.Trajectory[0]
	for _, s := range out.Trajectory {
		if s.TestError < least.TestError {
			least = s
		}
	}
	if least.Iteration == 0 || least.Iteration == 400 || out.Summary.Iterations != least.Iteration ||
		out.Summary.Final.TestError != least.TestError ||
		float64(out.Summary.BestTestError) != least.TestError || out.Summary.BestHeldOutIteration != nil {
		t.Errorf("the least test error is %v at %d, and the summary has %+v", least.TestError, least.Iteration,
			out.Summary)
	}
	_, stopped := stoppedAt(t, cpuHost(1e9), least.Iteration, settings...)
	if err := sameFactor(t, &out.Config, dir, stopped); err != nil {
		t.Error(err)
	}

	wild := append(slices.Clone(settings), "step=1.6", "measure-every=1", "method=gd", "alpha=0.1")
	out, dir = stoppedAt(t, cpuHost(1e9), 400, wild...)
	if out.Summary.Status != solver.Diverged || out.Summary.Steps <= out.Summary.Iterations {
		t.Fatalf("the run ends with %v after %d steps", out.Summary.Status, out.Summary.Steps)
	}
	_, stopped = stoppedAt(t, cpuHost(1e9), *out.Summary.BestTestErrorIteration, wild...)
	if err := sameFactor(t, &out.Config, dir, stopped); err != nil ||
		out.Summary.Iterations != *out.Summary.BestTestErrorIteration {
		t.Errorf("%v; the result is iterate %d", err, out.Summary.Iterations)
	}
}

// TestPatience: a run stops at the first measurement that comes so many steps after the least error, and so
// it does after an interruption.
func TestPatience(t *testing.T) {
	settings := overfitting(t)
	long, _ := stoppedAt(t, cpuHost(1e9), 400, settings...)
	at := turn(t, long.Trajectory)
	patient := append(slices.Clone(settings), "patience=43", "keep=best") // 45 on the grid of 5
	out, whole := stoppedAt(t, cpuHost(1e9), 400, patient...)
	if s := out.Summary; s.Status != solver.Stalled || s.Steps != at+45 || s.Iterations != at {
		t.Errorf("the least error is at %d, and the run ended with %v after %d steps and kept %d", at, s.Status,
			s.Steps, s.Iterations)
	}
	if text := out.Summary.StatusText; !strings.Contains(text, "had not fallen for 43 steps") {
		t.Errorf("it says %q", text)
	}
	_, dir := stoppedAt(t, cpuHost(1e9), at+22, patient...)
	c := configOf(t, append(patient, "iterations=400")...)
	resumed, err := runHere(c, cpuHost(1e9), Options{Dir: dir, Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sameRun(resumed.Run, out.Run), sameFactor(t, &c, dir, whole)); err != nil {
		t.Error(err)
	}
}

// TestHeldOutGroup: runs of a group have the errors and the results that each has alone.
func TestHeldOutGroup(t *testing.T) {
	var configs []config.Config
	for _, own := range []string{"keep=best", "keep=last", "alpha=0.05 keep=best", "patience=30"} {
		configs = append(configs, configOf(t, append(append(overfitting(t)[:7:7], strings.Fields(own)...),
			"iterations=200", "hold-out=0.2", "triplets="+listFile(t, manyRatings()))...))
	}
	for i := range configs { // one file, so that they share their problem
		configs[i].Triplets = configs[0].Triplets
	}
	g, err := PlanGroup(configs, 2, cpuHost(1e9))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	err = g.Run(context.Background(), nil, nil, func(i int, got *Run, err error) {
		told++
		if err != nil {
			t.Fatal(err)
		}
		alone, err := runHere(configs[i], cpuHost(1e9), Options{Dir: filepath.Join(t.TempDir(), "run")})
		if err != nil {
			t.Fatal(err)
		}
		a, b := got.Summary, alone.Summary
		if err := sameRun(got, alone.Run); err != nil || a.Iterations != b.Iterations || a.Steps != b.Steps ||
			a.Final.HeldOutRMSE != b.Final.HeldOutRMSE || *a.BestHeldOutIteration != *b.BestHeldOutIteration {
			t.Errorf("run %d: %v; %+v, and alone %+v", i, err, a, b)
		}
	})
	if err != nil || told != len(configs) {
		t.Errorf("%d runs ended: %v", told, err)
	}
}

// manyRatings are all entries of noisyRatings.
func manyRatings() []rating {
	fitted, held := noisyRatings(14, 10, false)
	return append(fitted, held...)
}

// TestHoldOutBySeed: hold-out is test-triplets with the entries that docs/random-numbers.md names, whatever
// the order of the lines is; another seed holds out others.
func TestHoldOutBySeed(t *testing.T) {
	all := manyRatings()
	slices.SortFunc(all, func(a, b rating) int { return 100*(a.i-b.i) + a.j - b.j })
	h := int(math.Round(0.2 * float64(len(all))))
	stream := sensing.NewStream(5, 9)
	var chosen []int
	for i := uint64(0); len(chosen) < h; i++ {
		if k := int(stream.Below(i/2, i%2, uint64(len(all)))); !slices.Contains(chosen, k) {
			chosen = append(chosen, k)
		}
	}
	var fitted, held []rating
	for k, x := range all {
		if slices.Contains(chosen, k) {
			held = append(held, x)
		} else {
			fitted = append(fitted, x)
		}
	}
	settings := strings.Fields("parametrization=uv n=14 n2=10 factor-rank=3 alpha=0.1 step=0.02 seed=5")
	want, wantDir := stoppedAt(t, cpuHost(1e9), 30, append(slices.Clone(settings),
		"triplets="+listFile(t, fitted), "test-triplets="+listFile(t, held))...)
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(all), func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	})
	for _, list := range [][]rating{all, shuffled} {
		got, dir := stoppedAt(t, cpuHost(1e9), 30, append(slices.Clone(settings),
			"triplets="+listFile(t, list), "hold-out=0.2")...)
		err := errors.Join(sameRun(got.Run, want.Run), sameFactor(t, &got.Config, dir, wantDir))
		if err != nil {
			t.Error(err)
		}
	}
	other, _ := stoppedAt(t, cpuHost(1e9), 30, append(slices.Clone(settings), "triplets="+listFile(t, all),
		"hold-out=0.2", "seed=6", "start-seed=5")...)
	if sameRun(other.Run, want.Run) == nil {
		t.Error("another seed holds out the same entries")
	}
}

// TestHoldOutOfEveryKind: the held-out RMSE of every kind of user data, and of every drawn ensemble that can
// be divided, is that of a plain loop over the measurements that are held out.
func TestHoldOutOfEveryKind(t *testing.T) {
	const n, m = 8, 40
	numbers := make([]float64, m*n*n)
	sensing.NewStream(2, sensing.EntriesStream).Normals(0, numbers)
	y := numbers[len(numbers)-m:]
	npyFile := func(values []float64, shape ...int) string {
		var b bytes.Buffer
		if err := npy.Write(&b, shape, values); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "file.npy")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	words := ""
	for i := range m {
		words += []string{"IXZ", "ZZI", "XXX", "YYI", "ZIZ"}[i%5] + "\n"
	}
	wordFile := filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(wordFile, []byte(words), 0o644); err != nil {
		t.Fatal(err)
	}
	observations := "observations=" + npyFile(y, m)
	symmetric := slices.Clone(numbers)
	for k := 0; k < len(symmetric); k += n * n {
		for i := range n {
			for j := range i {
				symmetric[k+i*n+j] = symmetric[k+j*n+i]
			}
		}
	}
	for _, settings := range [][]string{
		{"matrices=" + npyFile(symmetric, m, n, n), observations, "step=0.02"},
		{"matrices=" + npyFile(numbers, m, n, n), observations, "parametrization=uv", "step=0.02"},
		{"vectors=" + npyFile(numbers[:m*n], m, n), observations, "step=0.01"},
		{"vectors=" + npyFile(numbers[:m*n], m, n), "vectors-right=" + npyFile(numbers[m*n:2*m*n], m, n),
			observations, "parametrization=uv", "step=0.02"},
		{"paulis=" + wordFile, observations, "step=0.02"},
		{"ensemble=completion", "n=8", "rank=2", "measurements=30", "noise=0.5"},
		{"ensemble=relu-completion", "n=8", "rank=2", "noise=0.5"},
		{"ensemble=pauli", "n=8", "rank=2", "measurements=30", "noise=0.5"},
		{"ensemble=pauli", "n=8", "rank=2", "measurements=30", "snr=6"},
		{"ensemble=gaussian", "n=8", "rank=2", "measurements=60", "noise=0.5"},
		{"ensemble=gaussian", "entries=q8", "n=8", "rank=2", "measurements=60", "noise=0.5"},
		{"ensemble=gaussian", "parametrization=uv", "n=8", "n2=6", "rank=2", "measurements=60", "snr=6"},
		{"ensemble=rademacher", "n=8", "rank=2", "measurements=60", "noise=0.5"},
		{"ensemble=rank-one", "n=8", "rank=2", "measurements=60", "snr=6"},
	} {
		settings = append(settings, "hold-out=0.25", "factor-rank=3", "alpha=0.1")
		out, dir := stoppedAt(t, cpuHost(1e9), 20, settings...)
		z := resultOf(t, &out.Config, dir)
		all := out.Config
		all.HoldOut = 0
		d, err := all.Load()
		if err != nil {
			t.Fatal(err)
		}
		e, values := d.Problem.Ensemble, d.Problem.Observations
		count := e.Measurements()
		products := func(x *mat.Dense) []float64 {
			p := make([]float64, count)
			_, n2 := x.Dims()
			identity := mat.NewDense(n2, n2, nil)
			for i := range n2 {
				identity.Set(i, i, 1)
			}
			e.(sensing.Divisible).Apply(p, x, identity) // which TestDivide compares with plain loops
			return p
		}
		if values == nil {
			var truth mat.Dense
			truth.Mul(d.Problem.Truth.X(), d.Problem.Truth.Right().T())
			values = products(&truth)
			d.Problem.AddNoise(values)
		}
		h := int(math.Round(0.25 * float64(count)))
		held := sensing.Choose(sensing.NewStream(out.Config.Seed, sensing.HeldOutStream), count, h)
		if name := out.Config.Ensemble; !out.Config.HasUserData() && slices.Contains([]string{"gaussian",
			"rademacher", "rank-one"}, name) { // the last ones
			for i := range held {
				held[i] = count - h + i
			}
		}
		var squares, units float64
		p := products(z)
		for _, k := range held {
			squares += (p[k] - values[k]) * (p[k] - values[k])
			unit := 1.0
			if c, entries := e.(*sensing.Completion); entries {
				rows, cols := c.Positions()
				unit = c.Unit(int(rows[k]), int(cols[k]))
			}
			units += unit * unit
		}
		want := math.Sqrt(squares / units)
		s := out.Summary
		if got := s.Final.HeldOutRMSE; !(math.Abs(got-want) <= 1e-10*want) || s.Problem.HeldOut != h ||
			s.Problem.Measurements != count-h || float64(s.Problem.Noise) != d.Problem.Noise {
			t.Errorf("%s: the held-out RMSE is %v, not %v, of %d", settings[0], got, want, s.Problem.HeldOut)
		}
	}
}

// TestHeldOutMemory: the plan counts the held-out entries and the copies of the best iterate.
func TestHeldOutMemory(t *testing.T) {
	bytesOf := func(settings ...string) float64 {
		p, err := NewPlan(configOf(t, append(strings.Fields("ensemble=completion n=1000 rank=2 "+
			"factor-rank=10 measurements=100000"), settings...)...), cpuHost(1e9))
		if err != nil {
			t.Fatal(err)
		}
		return p.Bytes
	}
	plain, best, held := bytesOf(), bytesOf("keep=best"), bytesOf("hold-out=0.5")
	if best-plain != 2*8*1000*10 {
		t.Errorf("the best iterate takes %v bytes, not those of two factors", best-plain)
	}
	if more := held - plain; more < 8*100000 || more > 40*100000 {
		t.Errorf("50,000 held-out entries of 100,000 take %v bytes", more)
	}

	fitted, list := noisyRatings(14, 10, false)
	c := configOf(t, "parametrization=uv", "triplets="+listFile(t, fitted),
		"test-triplets="+listFile(t, list))
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if each := c.HeldOutBytes() / float64(len(list)); each < 16+24 || each > 100 {
		t.Errorf("an entry of test-triplets takes %v bytes", each)
	}
}
