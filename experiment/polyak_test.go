package experiment

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/solver"
)

// TestLossOfTruth: f* of Polyak's step is the loss that a run measures at the truth, over the measurements
// that are fitted, whatever says the noise and whatever is held out. Symptom: with snr, with held-out
// measurements and with the squared loss f* was 0, and with relu-completion that of other outliers.
func TestLossOfTruth(t *testing.T) {
	t.Parallel()
	const sizes = "n=12 rank=2 factor-rank=2 kappa=2 seed=5 iterations=3 measure-every=1 "
	for _, ensemble := range []string{
		"measurements=200", "ensemble=rademacher measurements=150", "ensemble=completion measurements=60",
		"ensemble=pauli n=8 measurements=30", "ensemble=rank-one measurements=150",
		"ensemble=relu-completion",
	} {
		for _, errors := range []string{
			"", "noise=0.2", "snr=10", "outliers=0.1 outlier-size=3", "noise=0.2 outliers=0.1",
			"snr=10 outliers=0.1",
		} {
			for _, held := range []string{"", "hold-out=0.2"} {
				for _, loss := range []string{"squared", "l1", "huber"} {
					settings := fmt.Sprintf("%s %s %s loss=%s", ensemble, errors, held, loss)
					for _, method := range []string{"polyak-gd", "scaled-subgradient", "opsa"} {
						checkLossOfTruth(t, sizes+settings+" method="+method)
					}
				}
			}
		}
	}
}

// checkLossOfTruth starts a run with Polyak's step at the truth.
func checkLossOfTruth(t *testing.T, settings string) {
	t.Helper()
	c := configOf(t, strings.Fields(settings)...)
	if err := c.Check(); err != nil {
		t.Fatalf("%s: %v", settings, err)
	}
	d, err := c.Load()
	if err != nil {
		t.Fatal(err)
	}
	var path solver.Trajectory
	truth := mat.DenseCopyOf(d.Problem.Truth.X())
	s := settingsOf(&c, solver.Given{Start: solver.Factor{truth}}, &path)
	res, err := solver.Solve(context.Background(), d.Problem, cpu.Backend{}, c.NewMethod(), s)
	if err != nil {
		t.Fatalf("%s: %v", settings, err)
	}
	// Each residual is a difference of numbers of size 10 at most.
	got, want := res.Opening.TruthLoss, path[0].TrainLoss
	if !(math.Abs(got-want) <= 1e-13*want+1e-14) {
		t.Errorf("%s: f at the truth is %v, and the run measures %v", settings, got, want)
	}
	if last := path[len(path)-1]; !(last.TestError < 1e-7) {
		t.Errorf("%s: the run leaves the truth: the test error is %v", settings, last.TestError)
	}
}

// TestPolyakNotice: a user whose observations may have noise learns that f* is 0 unless it is given.
func TestPolyakNotice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "entries.csv")
	if err := os.WriteFile(path, []byte("0,0,1\n0,1,2\n1,1,4\n1,2,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[string]bool{
		"method=polyak-gd": true, "method=opsa lambda=0.1 loss=l1": true, "method=gd": false,
		"method=polyak-gd optimal-value=0.1": false,
	} {
		c := configOf(t, append(strings.Fields(settings), "triplets="+path, "triplets-base=0",
			"parametrization=psd")...)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		d, err := c.Load()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(fmt.Sprint(d.Notices), "takes 0 for f*"); got != want {
			t.Errorf("%s: the notices are %q", settings, d.Notices)
		}
	}
}
