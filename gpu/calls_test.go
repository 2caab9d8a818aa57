package gpu

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// calls is a device that notes each call that puts work into the queue or waits for it: a launch by its
// kernel's name, another call by its own.
type calls struct {
	driver.Device
	made []string
}

func (c *calls) Launch(l driver.Launch) error {
	c.made = append(c.made, l.Kernel.Name())
	return c.Device.Launch(l)
}

func (c *calls) Fill(dst driver.Pointer, value byte, size int64) error {
	c.made = append(c.made, "Fill")
	return c.Device.Fill(dst, value, size)
}

func (c *calls) Copy(dst, src driver.Pointer, size int64) error {
	c.made = append(c.made, "Copy")
	return c.Device.Copy(dst, src, size)
}

func (c *calls) Upload(dst driver.Pointer, src []byte) error {
	c.made = append(c.made, "Upload")
	return c.Device.Upload(dst, src)
}

func (c *calls) Download(dst []byte, src driver.Pointer) error {
	c.made = append(c.made, "Download")
	return c.Device.Download(dst, src)
}

func (c *calls) Wait() error {
	c.made = append(c.made, "Wait")
	return c.Device.Wait()
}

// graphCalls is calls of a device that replays graphs.
type graphCalls struct{ *calls }

func (c graphCalls) Record(all []driver.Call) (driver.Graph, error) {
	return c.Device.(driver.GraphDevice).Record(all)
}

func (c graphCalls) Replay(g driver.Graph) error {
	c.made = append(c.made, "Replay")
	return c.Device.(driver.GraphDevice).Replay(g)
}

func (c graphCalls) Forget(g driver.Graph) error { return c.Device.(driver.GraphDevice).Forget(g) }

func (c graphCalls) Peer() (driver.Peer, error) { return c.Device.(driver.PeerDevice).Peer() }

func (c graphCalls) CopyFrom(from driver.Peer, pieces ...driver.Piece) error {
	c.made = append(c.made, "CopyFrom")
	return c.Device.(driver.PeerDevice).CopyFrom(from, pieces...)
}

// TestCallsOfAStep compares the calls of a step of gradient descent with the table of docs/kernels.md. The
// lists of a step are on the device since the step before, so a step uploads nothing. With graphs, a step is
// one call once it was made often enough.
func TestCallsOfAStep(t *testing.T) {
	space := sensing.Sym{N: 8}
	ensembles := map[string]sensing.Ensemble{"rows": backendtest.Ensembles(t, 8, 40)["gaussian-f32"]}
	var err error
	ensembles["completion"], err = sensing.NewCompletion(space, 30, 7)
	must(t, err)
	ensembles["rank-one"], err = sensing.NewRankOne(space, 40, 7)
	must(t, err)
	ensembles["pauli"], err = sensing.NewPauli(8, 30, 7)
	must(t, err)
	gradients := map[string]string{
		"rows/1": "lift_f64 Fill contract_f32_f64 sum_chunks_f64 pullback_f64",
		"rows/8": "lift_f64 Fill contract_tensor_f32_f64 sum_chunks_f64 pullback_f64",
		"rows/32": "lift_f64" + strings.Repeat(" Fill contract_tensor_wide_f32_f64", 2) +
			" sum_chunks_f64 pullback_f64",
		// A gradient of these ensembles has the same launches for any members.
		"completion/1": "sampled_2", "completion/8": "sampled_2", "completion/32": "sampled_2",
		"rank-one/1":  "rank_one_contract_8x2 rank_one_collect",
		"rank-one/8":  "rank_one_contract_8x2 rank_one_collect",
		"rank-one/32": "rank_one_contract_8x2 rank_one_collect",
		"pauli/1":     "pauli_residuals pauli_weights pauli_combine",
		"pauli/8":     "pauli_residuals pauli_weights pauli_combine",
		"pauli/32":    "pauli_residuals pauli_weights pauli_combine",
	}
	for name, ensemble := range ensembles {
		for _, members := range []int{1, 8, 32} {
			name := fmt.Sprintf("%s/%d", name, members)
			t.Run(name, func(t *testing.T) {
				b := emulated(t, emulator.Config{Multiprocessors: 8}, solver.Memory, solver.F64)
				for graphs, want := range map[bool]string{
					false: "combine " + gradients[name], true: "Replay",
				} {
					b.noGraphs = !graphs
					made := callsOfAStep(t, b, ensemble, members, recordStep+2, constant)[0]
					if got := strings.Join(made, " "); got != want {
						t.Errorf("graphs: %v: a step makes the calls\n%s, not\n%s", graphs, got, want)
					}
				}
			})
		}
	}
}

// TestCallsOfAFallingStep: if the step size differs from step to step, a graph has the rest of the calls.
func TestCallsOfAFallingStep(t *testing.T) {
	ensemble := backendtest.Ensembles(t, 8, 40)["gaussian-f32"]
	made := callsOfAStep(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), ensemble, 1,
		recordBody+2, func(i int) float64 { return 0.1 / float64(1+i) })[0]
	if got := strings.Join(made, " "); got != "combine Replay" {
		t.Errorf("a step makes the calls %s", got)
	}
}

// TestCallsWithCopies compares the calls of steps that copy between host and device with the second table of
// "Calls of a step" in docs/kernels.md. The copies stay, and the launches between two of them are one call.
func TestCallsWithCopies(t *testing.T) {
	ensemble := backendtest.Ensembles(t, 8, 40)["gaussian-f32"]
	listed := " gather gather_rows dots_f32_f64 residuals_f64 accumulate_f32_f64 sum_chunks_f64 pullback_f64"
	near := "combine lift_f64 anchor_distance anchor_subtract Fill contract_f32_f32 anchor_sum " +
		"anchor_residuals pullback_f64 row_squares Download"
	batch := strings.Replace(near, "contract", "contract_batch", 1)
	whole := " lift_f64 dots_f32_f64 residuals_f64 Fill draw_weights accumulate_f32_f64 sum_chunks_f64 " +
		"pullback_f64"
	drawn := func(rows []int, shift solver.Slot) func(e solver.Engine, members []int) error {
		return func(e solver.Engine, members []int) error {
			return e.(solver.DrawEngine).DrawGradient(0, solver.Draw{Rows: rows, Shift: shift})
		}
	}
	values := func(e solver.Engine, members []int) error {
		return e.(solver.ValueEngine).Evaluate(make([]float64, 2), 0, solver.Iterate, solver.Iterate)
	}
	many := make([]int, 40)
	for i := range many {
		many[i] = i
	}
	for _, c := range []struct {
		name      string
		precision solver.Precision
		members   int
		gradient  func(e solver.Engine, members []int) error
		want      [2]string // without graphs and with
	}{
		{"mixed", solver.Mixed, 1, nil, [2]string{near, "Replay Download"}},
		{"mixed, 2 members", solver.Mixed, 2, nil, [2]string{batch, "Replay Download"}},
		{"mini-batch", solver.F64, 1, drawn([]int{3, 3, 7, 20}, 0),
			[2]string{"Upload combine lift_f64" + listed, "Upload Replay"}},
		{"large mini-batch", solver.F64, 1, drawn(many, 0),
			[2]string{"Upload combine" + whole, "Upload Replay"}},
		{"all with shifts", solver.F64, 1, drawn(nil, solver.VectorSlot), [2]string{
			"combine combine lift_f64 Fill contract_f32_f64 sum_chunks_f64 pullback_f64", "Replay",
		}},
		{"values", solver.F64, 1, values, [2]string{
			"combine lift_f64 dots_f32_f64 residuals_f64 sum_squares Download", "Replay Download",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, want := range c.want {
				b := emulated(t, emulator.Config{}, solver.Memory, c.precision)
				b.noGraphs = i == 0
				device := &calls{}
				connect := b.Connect
				b.Connect = func() (d driver.Device, err error) {
					device.Device, err = connect()
					return graphCalls{device}, err
				}
				truth, err := sensing.NewTruth(8, 2, 2, 1)
				must(t, err)
				needs := solver.Needs{Gradient: true}
				if c.gradient != nil {
					needs = solver.Needs{Draws: true, Values: true, Vectors: 1}
				}
				e, err := b.Open(context.Background(), &sensing.Problem{Ensemble: ensemble, Truth: truth},
					solver.Batch{
						Parametrization: solver.PSD{}, Needs: needs,
						FactorRanks: slices.Repeat([]int{2}, c.members),
					})
				must(t, err)
				var all []int
				for member := range c.members {
					must(t, e.Set(member, solver.Iterate, factorOf(t, ensemble.Space(), 2, uint64(member))))
					all = append(all, member)
				}
				for range recordStep + 2 {
					device.made = nil
					if c.gradient == nil {
						must(t, e.Gradient(all...))
					} else {
						must(t, c.gradient(e, all))
					}
					for _, member := range all {
						must(t, e.Combine(member, solver.Iterate, 1, solver.Iterate, -0.01, solver.Gradient))
					}
				}
				// A device waits now and then, so that a pass can be interrupted.
				made := slices.DeleteFunc(device.made, func(call string) bool { return call == "Wait" })
				if got := strings.Join(made, " "); got != want {
					t.Errorf("a step makes the calls\n%s, not\n%s", got, want)
				}
				must(t, e.Close())
			}
		})
	}
}

func constant(int) float64 { return 0.1 }

// callsOfAStep returns the calls that the last of some steps of gradient descent makes on each device of a
// backend, from the gradient before it to its own. The first step uploads lists, and combines nothing.
func callsOfAStep(
	t *testing.T, b Backend, ensemble sensing.Ensemble, members, steps int, size func(step int) float64,
) (made [][]string) {
	t.Helper()
	var devices []*calls
	counted := func(connect func() (driver.Device, error)) func() (driver.Device, error) {
		device := &calls{}
		devices = append(devices, device)
		return func() (d driver.Device, err error) {
			device.Device, err = connect()
			return graphCalls{device}, err
		}
	}
	b.Connect = counted(b.Connect)
	for i := range b.Others {
		b.Others[i].Connect = counted(b.Others[i].Connect)
	}
	e, all := openFor(t, b, ensemble, members)
	defer func() { must(t, e.Close()) }()
	for step := range steps {
		for _, device := range devices {
			device.made = nil
		}
		must(t, e.Gradient(all...))
		for _, i := range all {
			must(t, e.Combine(i, solver.Iterate, 1, solver.Iterate, -size(step), solver.Gradient))
		}
	}
	for _, device := range devices {
		made = append(made, device.made)
	}
	return made
}

// TestCallsOfSeveralDevices: of a step on several devices, the first makes the calls of one device and those
// of the exchange; each other device gets z, contracts its rows, and the first gets its sum. The host waits
// for none of them. With graphs, the calls between two copies are one.
func TestCallsOfSeveralDevices(t *testing.T) {
	ensemble := backendtest.Ensembles(t, 8, 61)["gaussian-f32"]
	text, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	for count, want := range map[int][2]int{2: {13, 7}, 3: {20, 10}, 4: {23, 13}, 8: {43, 25}} {
		if line := fmt.Sprintf("\n| %d | %d | %d | 0 |", count, want[0], want[1]); !strings.Contains(
			string(text), line) {
			t.Errorf("docs/kernels.md has no line %q", line)
		}
		for graphs, total := range want {
			b := onCards(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), count,
				emulator.Config{})
			b.noGraphs = graphs == 0
			for i, made := range callsOfAStep(t, b, ensemble, 1, recordStep+2, constant) {
				total -= len(made)
				sums, copied := "sum_chunks_f64", strings.Repeat(" CopyFrom", count-1)
				if count == 3 && i > 0 { // a device has two subtrees of the sum
					sums += " sum_chunks_f64"
				}
				contracted, ended := "Fill contract_f32_f64 "+sums, "sum_chunks_f64 pullback_f64"
				lifted := "combine lift_f64"
				if graphs > 0 {
					contracted, ended, lifted = "Replay", "Replay", "Replay"
				}
				want := "CopyFrom " + contracted
				if i == 0 {
					want = lifted + " " + contracted + " Copy" + copied + " " + ended
				}
				if got := strings.Join(made, " "); got != want {
					t.Errorf("device %d of %d makes the calls\n%s, not\n%s", i, count, got, want)
				}
			}
			if total != 0 {
				t.Errorf("%d devices: %d calls fewer than in docs/kernels.md", count, total)
			}
		}
	}
}

// TestCallsWithoutPeers: if devices cannot copy from each other, all goes through the host, which waits, and
// the user is told once.
func TestCallsWithoutPeers(t *testing.T) {
	ensemble := backendtest.Ensembles(t, 8, 61)["gaussian-f32"]
	alone := emulator.Config{NoPeers: true}
	b := onCards(t, emulated(t, alone, solver.Memory, solver.F64), 2, alone)
	var notices []string
	b.Notice = func(text string) { notices = append(notices, text) }
	made := callsOfAStep(t, b, ensemble, 1, recordStep+2, constant)
	if got := strings.Join(made[0], " "); got != "Replay Download Replay Copy Upload Replay" {
		t.Errorf("the first device makes the calls %s", got)
	}
	if got := strings.Join(made[1], " "); got != "Upload Replay Download" {
		t.Errorf("the second device makes the calls %s", got)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "through the host") {
		t.Errorf("the notices are %q", notices)
	}
}

// TestLaunchesBound: the table of docs/kernels.md has the n up to which the calls of a step of one member
// take longer than reading f32 rows, with m = 50·n, without graphs and with them.
func TestLaunchesBound(t *testing.T) {
	text, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	for card, bandwidth := range map[string]float64{
		"H200": 4300, "H100": 3000, "A100": 1555, "A10": 600, "T4": 320, "L4": 300,
	} {
		bound := func(calls float64) int {
			bytes := calls * launchTime * bandwidth * 1e9
			n := 1
			for k := 3; float64(50*(n+1)*k*4) < bytes; k += n + 1 { // k coordinates of n + 1
				n++
			}
			return n
		}
		line := fmt.Sprintf("| %s | %.0f GB/s | %.0f MB | n = %d | n = %d |\n", card, bandwidth,
			6*launchTime*bandwidth*1e3, bound(6), bound(1))
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/kernels.md has no line %q", line)
		}
	}
}
