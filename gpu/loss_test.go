package gpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// others are losses other than the squared one. Residuals of these tests are on both sides of the
// threshold.
var others = []solver.Loss{solver.L1{}, solver.Huber{Threshold: 0.3}}

// TestLossesSameBits: with any loss contract gives the same bits in one launch and in three steps, from
// memory and generated, in its early form, and on any number of devices.
func TestLossesSameBits(t *testing.T) {
	early, old := emulator.Config{Capability: [2]int{7, 0}}, emulator.Config{NotCooperative: true}
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		one := emulated(t, emulator.Config{}, solver.Memory, precision)
		generated := emulated(t, emulator.Config{}, solver.Generated, precision)
		ways := []way{
			{"one pass", one, true},
			{"one pass generated", generated, true},
			{"early", emulated(t, early, solver.Memory, precision), true},
			{"early generated", emulated(t, early, solver.Generated, precision), true},
			{"three steps in small tiles", inTiles(emulated(t, old, solver.Memory, precision), 12), false},
			{"2 devices", onCards(t, one, 2, emulator.Config{}), true},
			{"4 devices, generated", onCards(t, generated, 4, early), true},
		}
		for name, e := range backendtest.Ensembles(t, 5, 61) {
			for _, l := range others {
				t.Run(fmt.Sprintf("%s/%s/%s", precision, name, l.Name()), func(t *testing.T) {
					t.Parallel()
					squares, _ := steps(t, one, e, 3, true, nil)
					want, wantLoss := steps(t, one, e, 3, true, l)
					if mat.Equal(squares, want) {
						t.Error("the loss makes no difference")
					}
					for _, w := range ways {
						u, loss := steps(t, w.backend, e, 3, w.once, l)
						if !mat.Equal(u, want) || loss != wantLoss {
							t.Errorf("%s differs: f is %v and %v", w.name, loss, wantLoss)
						}
					}
				})
			}
		}
	}
}

// TestLossesInBatches: a member of a batch has the bits that it has alone, with every kind of ensemble.
func TestLossesInBatches(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	for name, p := range lossProblems(t) {
		for _, l := range others {
			t.Run(name+"/"+l.Name(), func(t *testing.T) {
				t.Parallel()
				ranks := []int{3, 2, 1, 3, 2}
				members := batch(ranks...)
				members.Losses = []solver.Loss{l}
				gradients := func(which ...int) (all []solver.Factor, f []float64) {
					e, err := b.Open(context.Background(), p, members)
					must(t, err)
					defer func() { must(t, e.Close()) }()
					for i, r := range ranks {
						must(t, e.Set(i, solver.Iterate, factorOf(t, p.Ensemble.Space(), r, uint64(i))))
					}
					must(t, e.Gradient(which...))
					f = make([]float64, len(which))
					must(t, e.Losses(f, which...))
					for _, i := range which {
						g := factorOf(t, p.Ensemble.Space(), ranks[i], 0)
						must(t, e.Get(i, solver.Gradient, g))
						all = append(all, g)
					}
					return all, f
				}
				together, f := gradients(0, 1, 2, 3, 4)
				for i := range ranks {
					alone, own := gradients(i)
					if !mat.Equal(alone[0][0], together[i][0]) || own[0] != f[i] {
						t.Errorf("member %d: f is %v alone and %v in the batch, or the gradients differ", i,
							own[0], f[i])
					}
				}
			})
		}
	}
}

// lossProblems has a problem of each kind of ensemble, with noise.
func lossProblems(t *testing.T) map[string]*sensing.Problem {
	t.Helper()
	const n, m = 8, 36
	space := sensing.Sym{N: n}
	all := map[string]sensing.Ensemble{"rows": backendtest.Ensembles(t, n, m)["gaussian-f32"]}
	var err error
	all["completion"], err = sensing.NewCompletion(space, m, 7)
	must(t, err)
	all["rank-one"], err = sensing.NewRankOne(space, m, 7)
	must(t, err)
	all["pauli"], err = sensing.NewPauli(n, m, 7)
	must(t, err)
	truth, err := sensing.NewTruth(n, 2, 2, 1)
	must(t, err)
	problems := map[string]*sensing.Problem{}
	for name, e := range all {
		problems[name] = &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.3, NoiseSeed: 5,
			Outliers: sensing.Outliers{Count: 4, Size: 5}}
	}
	return problems
}

// TestLossesEndWhereTheHostDoes: methods end where they do on the host, with other losses and every kind of
// ensemble: full gradients, mini-batches, Polyak's steps, and values of f at points. The bound is that of
// TestMethods. No residual is so near a kink that rounding could move it across.
func TestLossesEndWhereTheHostDoes(t *testing.T) {
	t.Parallel()
	for name, p := range lossProblems(t) {
		for _, l := range others {
			for _, m := range []solver.Method{
				solver.GD{StepSize: 0.1},
				solver.OPSA{StepSize: 0.1, Lambda: 0.05, OptimalValue: 0.01}, solver.PolyakGD{StepSize: 0.5},
				solver.Adam{StepSize: 0.02, Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-4},
				solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 11, Seed: 1}},
				solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 90, Seed: 1}},
				solver.LabelNoiseGD{StepSize: 0.1, Noise: 0.3, Seed: 3}, // shifts
				solver.ZerothOrder{StepSize: 0.05, Directions: 6, Radius: 0.1, Noise: 1e-3, Seed: 4},
			} {
				t.Run(name+"/"+l.Name()+"/"+m.Name(), func(t *testing.T) {
					end := func(b solver.Backend) (solver.Factor, solver.Trajectory) {
						var path solver.Trajectory
						res, err := solver.Solve(context.Background(), p, b, m, solver.Settings{
							Start: solver.Random{Alpha: 0.5, Seed: 1}, Parametrization: solver.PSD{},
							FactorRank: 3, Iterations: 4, MeasureEvery: 2, Recorder: &path, Loss: l})
						must(t, err)
						return res.Factor, path
					}
					got, path := end(emulated(t, emulator.Config{}, solver.Memory, solver.F64))
					want, hostPath := end(cpu.Backend{})
					if !mat.EqualApprox(got[0], want[0], 1e-12) {
						t.Errorf("it ends at\n%v\nnot at\n%v", mat.Formatted(got[0]), mat.Formatted(want[0]))
					}
					for i, s := range hostPath {
						if !(math.Abs(path[i].TrainLoss-s.TrainLoss) <= 1e-12) {
							t.Errorf("f is %v, not %v", path[i].TrainLoss, s.TrainLoss)
						}
					}
				})
			}
		}
	}
}

// TestLossesOfManyEntries: f of observed entries is the sum of parts of 8192 residuals each, of which the
// last may have fewer.
func TestLossesOfManyEntries(t *testing.T) {
	const n = 150
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	u := factorOf(t, sensing.Sym{N: n}, 2, 3)
	for _, m := range []int{dotSegment - 1, dotSegment, dotSegment + 5} {
		e, err := sensing.NewCompletion(sensing.Sym{N: n}, m, 7)
		must(t, err)
		for _, l := range append(others, solver.Squared{}) {
			of := func(b solver.Backend) float64 {
				engine, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth},
					solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{2},
						Losses: []solver.Loss{l}})
				must(t, err)
				defer func() { must(t, engine.Close()) }()
				must(t, engine.Set(0, solver.Iterate, u))
				var f [1]float64
				must(t, engine.Losses(f[:], 0))
				return f[0]
			}
			got, want := of(emulated(t, emulator.Config{}, solver.Memory, solver.F64)), of(cpu.Backend{})
			if !(math.Abs(got-want) <= 1e-13*want) { // thousands of terms of one sign
				t.Errorf("m = %d, %s: f is %v, not %v", m, l.Name(), got, want)
			}
		}
	}
}

// cubic is a loss without kernels.
type cubic struct{ solver.Squared }

func (cubic) Name() string { return "cubic" }

// TestLossesRefused: a loss that kernels do not have is refused, and another than the squared one in mixed
// precision.
func TestLossesRefused(t *testing.T) {
	b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	members := batch(1)
	members.Losses = []solver.Loss{cubic{}}
	_, err := b.Memory(problem(t, 3, 4), members)
	if want := "gpu: there are no kernels for the loss cubic: the device does not support this run"; err == nil ||
		err.Error() != want || !errors.Is(err, solver.ErrUnsupported) {
		t.Errorf("the error is %v, want %s", err, want)
	}
	b.Precision, members.Losses = solver.Mixed, []solver.Loss{solver.L1{}}
	_, err = b.Memory(problem(t, 3, 4), members)
	if want := "gpu: gradients of other losses than the squared one are computed in f64 or f32, " +
		"not in mixed precision"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// TestCallsOfLosses: a gradient makes the same calls on any loss, but for observed entries, whose residuals
// and products are done one after the other.
func TestCallsOfLosses(t *testing.T) {
	for name, p := range lossProblems(t) {
		of := func(l solver.Loss) string {
			b, device := emulated(t, emulator.Config{}, solver.Memory, solver.F64), &calls{}
			connect := b.Connect
			b.Connect = func() (d driver.Device, err error) {
				device.Device, err = connect()
				return device, err
			}
			members := batch(2)
			members.Losses = []solver.Loss{l}
			e, err := b.Open(context.Background(), p, members)
			must(t, err)
			defer func() { must(t, e.Close()) }()
			for range 2 { // the first gradient uploads lists
				must(t, e.Set(0, solver.Iterate, factorOf(t, p.Ensemble.Space(), 2, 1)))
				device.made = nil
				must(t, e.Gradient(0))
			}
			return strings.Join(device.made, " ")
		}
		want := of(solver.Squared{})
		if name == "completion" {
			want = "sampled_apply sum_squares sampled_multiply"
		}
		for _, l := range others {
			if got := of(l); got != want {
				t.Errorf("%s, %s: the calls are %s, not %s", name, l.Name(), got, want)
			}
		}
	}
}

// TestLossesOfABatch: members of a batch whose losses differ have the bits of an engine for their loss alone,
// in the kernels for batches, with tensor cores, in three steps and on two devices.
func TestLossesOfABatch(t *testing.T) {
	const n, m, members = 5, 61, 11
	all := append([]solver.Loss{solver.Squared{}}, others...)
	of := func(i int) solver.Loss { return all[i%len(all)] }
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	// gradients returns the gradients and values of members whose losses are those of an engine.
	gradients := func(b Backend, e sensing.Ensemble, tensor bool, losses []solver.Loss, numbers ...int) (
		out []*mat.Dense, f []float64, o *rowOperator,
	) {
		ranks, places := make([]int, len(numbers)), make([]int, len(numbers))
		for i := range places {
			ranks[i], places[i] = 3, i
		}
		opened, err := b.Open(context.Background(), &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01},
			solver.Batch{Parametrization: solver.PSD{}, FactorRanks: ranks, Losses: losses})
		must(t, err)
		defer func() { must(t, opened.Close()) }()
		engine := opened.(*engine)
		if s := engine.cards(); s != nil {
			o = s.shares[0]
		} else {
			o = rowsOf(engine)
		}
		if o.tensorGroups = [2]int{}; tensor {
			must(t, o.countTensorGroups())
		}
		for i, number := range numbers {
			must(t, engine.SetLoss(i, of(number)))
			start := solver.Random{Alpha: 0.1, Seed: uint64(number)}
			u, err := start.Factor([]solver.Shape{{Rows: n, Cols: 3}}, nil)
			must(t, err)
			must(t, engine.Set(i, solver.Iterate, u))
		}
		f = make([]float64, len(numbers))
		must(t, engine.Losses(f, places...))
		for i := range numbers {
			g := solver.Factor{mat.NewDense(n, 3, nil)}
			must(t, engine.Get(i, solver.Gradient, g))
			out = append(out, g[0])
		}
		return out, f, o
	}
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		batched := emulated(t, emulator.Config{Multiprocessors: 8}, solver.Memory, precision)
		generated := emulated(t, emulator.Config{Multiprocessors: 8}, solver.Generated, precision)
		steps := emulated(t, emulator.Config{NotCooperative: true}, solver.Memory, precision)
		for name, e := range backendtest.Ensembles(t, n, m) {
			for _, way := range []struct {
				name   string
				b      Backend
				tensor bool
			}{
				{"batch", batched, false}, {"batch generated", generated, false},
				{"tensor", batched, precision == solver.F64},
				{"three steps", steps, false},
				{"2 devices", onCards(t, batched, 2, emulator.Config{Multiprocessors: 8}), false},
			} {
				t.Run(fmt.Sprintf("%s/%s/%s", precision, name, way.name), func(t *testing.T) {
					numbers := make([]int, members)
					for i := range numbers {
						numbers[i] = i
					}
					got, f, o := gradients(way.b, e, way.tensor, all, numbers...)
					if together := strings.HasPrefix(way.name, "batch"); together && o.batchGroups == 0 ||
						way.tensor && o.tensorGroups[0] == 0 {
						t.Fatal("the kernel has no room")
					}
					for _, i := range numbers {
						want, wantF, _ := gradients(batched, e, false, []solver.Loss{of(i)}, i)
						if !mat.Equal(got[i], want[0]) || f[i] != wantF[0] {
							t.Errorf("member %d, %s: f is %v, and %v alone", i, of(i).Name(), f[i], wantF[0])
						}
					}
				})
			}
		}
	}
}
