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

// TestCallsOfAStep compares the calls of a step of gradient descent with the table of docs/kernels.md. The
// lists of a step are on the device since the step before, so a step uploads nothing.
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
		"rows/32": "lift_f64" + strings.Repeat(" Fill contract_tensor_f32_f64", 4) +
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
				made := callsOfAStep(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), ensemble,
					members)[0]
				want := gradients[name] + " combine Wait"
				if got := strings.Join(made, " "); got != want {
					t.Errorf("a step makes the calls\n%s, not\n%s", got, want)
				}
			})
		}
	}
}

// callsOfAStep returns the calls that a step of gradient descent makes on each device of a backend.
func callsOfAStep(t *testing.T, b Backend, ensemble sensing.Ensemble, members int) (made [][]string) {
	t.Helper()
	var devices []*calls
	counted := func(connect func() (driver.Device, error)) func() (driver.Device, error) {
		device := &calls{}
		devices = append(devices, device)
		return func() (d driver.Device, err error) {
			device.Device, err = connect()
			return device, err
		}
	}
	b.Connect = counted(b.Connect)
	for i := range b.Others {
		b.Others[i].Connect = counted(b.Others[i].Connect)
	}
	truth, err := sensing.NewTruth(8, 2, 2, 1)
	must(t, err)
	ranks, all := make([]int, members), make([]int, members)
	for i := range ranks {
		ranks[i], all[i] = 2, i
	}
	e, err := b.Open(context.Background(), &sensing.Problem{Ensemble: ensemble, Truth: truth},
		solver.Batch{Parametrization: solver.PSD{}, FactorRanks: ranks})
	must(t, err)
	defer func() { must(t, e.Close()) }()
	for i := range all {
		must(t, e.Set(i, solver.Iterate, factorOf(t, ensemble.Space(), 2, uint64(i))))
	}
	for range 2 { // the first step uploads lists
		for _, device := range devices {
			device.made = nil
		}
		must(t, e.Gradient(all...))
		for _, i := range all {
			must(t, e.Combine(i, solver.Iterate, 1, solver.Iterate, -0.1, solver.Gradient))
		}
		must(t, e.Wait())
	}
	for _, device := range devices {
		made = append(made, device.made)
	}
	return made
}

// TestCallsOfSeveralDevices: of a step on several devices, the first makes the calls of one device and those
// of the exchange; each other device gets z, contracts its rows and sends its sum.
func TestCallsOfSeveralDevices(t *testing.T) {
	ensemble := backendtest.Ensembles(t, 8, 40)["gaussian-f32"]
	for count, want := range map[int]int{2: 15, 4: 27} {
		b := onCards(t, emulated(t, emulator.Config{}, solver.Memory, solver.F64), count, emulator.Config{})
		total := 0
		for i, made := range callsOfAStep(t, b, ensemble, 1) {
			// A device waits now and then, so that a pass can be interrupted.
			made = slices.DeleteFunc(made, func(call string) bool { return call == "Wait" })
			total += len(made)
			text := strings.Join(made, " ")
			if i > 0 && text != "Upload Fill contract_f32_f64 sum_chunks_f64 Download" {
				t.Errorf("device %d of %d makes the calls\n%s", i, count, text)
			}
		}
		if total != want {
			t.Errorf("%d devices make %d calls, want %d", count, total, want)
		}
	}
}

// TestLaunchesBound: the table of docs/kernels.md has the n up to which the calls of a step of one member
// take longer than reading f32 rows, with m = 50·n.
func TestLaunchesBound(t *testing.T) {
	text, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	for card, bandwidth := range map[string]float64{
		"H200": 4300, "H100": 3350, "A100": 1555, "A10": 600, "T4": 320, "L4": 300,
	} {
		bytes := 6 * launchTime * bandwidth * 1e9
		n := 1
		for k := 3; float64(50*(n+1)*k*4) < bytes; k += n + 1 { // k coordinates of n + 1
			n++
		}
		line := fmt.Sprintf("| %s | %.0f GB/s | %.0f MB | n = %d |\n", card, bandwidth, bytes/1e6, n)
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/kernels.md has no line %q", line)
		}
	}
}
