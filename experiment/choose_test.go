package experiment

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// stub is a backend that estimates as it is told. It needs the memory that the cpu needs.
type stub struct {
	cpu.Backend
	name          string
	opening, step float64
	refuses       bool // completion
}

func (s stub) Name() string   { return s.name }
func (s stub) Device() string { return s.name }

func (s stub) Expect(sensing.Ensemble, solver.Batch) (opening, step float64) {
	return s.opening, s.step
}

func (s stub) Memory(p *sensing.Problem, b solver.Batch) (float64, error) {
	if _, is := p.Ensemble.(*sensing.Completion); is && s.refuses {
		return 0, solver.ErrUnsupported
	}
	return s.Backend.Memory(p, b)
}

// twoDevices is a machine with a GPU: both devices take the given seconds for a step. The GPU takes a second
// to open and has no kernels for completion.
func twoDevices(gpuStep, cpuStep float64) Host {
	h := cpuHost(1e9)
	h.Auto = func() ([]string, string) { return []string{"cuda:0", "cpu"}, "" }
	h.Backend = func(p Place) (solver.Backend, error) {
		if p.Device == "cpu" {
			return stub{name: "cpu", step: cpuStep}, nil
		}
		return stub{name: "cuda", opening: 1, step: gpuStep, refuses: true}, nil
	}
	return h
}

// TestAutoEstimates: auto takes the device that takes less time for all steps, and says both estimates. 50
// steps more are counted for what comes before and after.
func TestAutoEstimates(t *testing.T) {
	const problem = "n=6 rank=1 measurements=20 iterations=150 "
	for _, c := range []struct {
		settings  string
		gpu, cpu  float64
		device    string
		want, not string
	}{
		{"", 1e-3, 1e-2, "cuda:0",
			"cuda:0 is used: by estimate all steps take 1.2 s there, and 2 s on the cpu", ""},
		{"", 1e-3, 5e-3, "cpu", "cpu is used: by estimate all steps take 1 s there, and 1.2 s on cuda:0, " +
			"of which it takes 1 s to open it; --device cuda takes the GPU", ""},
		{"iterations=1550", 1e-3, 5e-3, "cuda:0", "take 2.6 s there, and 8 s on the cpu", ""},
		{"device=cuda", 1e-3, 1e-9, "cuda", "", "estimate"},
		{"device=cpu", 1e-9, 1, "cpu", "", "estimate"},
		{"", 0, 1e-9, "cuda:0", "", "estimate"}, // one of the two is not known
		{"", 1, 0, "cuda:0", "", "estimate"},
		{"ensemble=completion", 1e-9, 1, "cpu", "cpu is used: the device does not support this run", "estimate"},
		{"precision=mixed", 1e-3, 1e-2, "cuda:0", "cuda:0 is used: by estimate", ""},
	} {
		settings := strings.Fields(problem + c.settings)
		p, err := NewPlan(configOf(t, settings...), twoDevices(c.gpu, c.cpu))
		if err != nil {
			t.Fatalf("%q: %v", c.settings, err)
		}
		notes := strings.Join(p.Notes, "\n")
		if p.Config.Device != c.device || !strings.Contains(notes, c.want) ||
			c.not != "" && strings.Contains(notes, c.not) || c.want == "" && notes != "" {
			t.Errorf("%q with %v and %v s: %s, %q; want %s, %q",
				c.settings, c.gpu, c.cpu, p.Config.Device, notes, c.device, c.want)
		}
	}
}

// TestAutoFallsBack: what the cpu would do faster and has no memory for, the GPU does.
func TestAutoFallsBack(t *testing.T) {
	h := twoDevices(1, 1e-3)
	h.Memory = func(b solver.Backend) (float64, error) {
		if b.Name() == "cpu" {
			return 1e3, nil
		}
		return 1e9, nil
	}
	p, err := NewPlan(configOf(t, "n=6", "rank=1", "measurements=20"), h)
	if err != nil {
		t.Fatal(err)
	}
	if p.Config.Device != "cuda:0" || len(p.Notes) != 1 ||
		!strings.HasPrefix(p.Notes[0], "cuda:0 is used: this run needs ") {
		t.Errorf("%s, %q", p.Config.Device, p.Notes)
	}
}

// TestSettle: the time of all runs counts, once for each problem that a device is opened for. After the
// choice is made, any part of the runs gets the same device.
func TestSettle(t *testing.T) {
	var one, two []config.Config // one problem, and two
	for _, own := range []string{"alpha=1e-3", "alpha=1e-4", "alpha=1e-5"} {
		one = append(one, configOf(t, "n=6", "rank=1", "measurements=20", "iterations=150", own))
		two = append(two, configOf(t, "n=6", "rank=1", "measurements=20", "iterations=150", own,
			"seed="+own[len(own)-1:]))
	}
	h := twoDevices(1e-3, 5e-3) // a run takes 0.2 and 1 s, and a second to open the GPU
	for _, c := range []struct {
		configs []config.Config
		device  string
	}{{one[:1], "cpu"}, {one[:2], "cuda:0"}, {one, "cuda:0"}, {two, "cpu"}} {
		settled := h.Settle(c.configs)
		for i := range c.configs {
			g, err := PlanGroup(c.configs[i:i+1], 1, settled)
			if err != nil {
				t.Fatal(err)
			}
			if g.Plan.Config.Device != c.device {
				t.Errorf("run %d of %d: %s, want %s", i, len(c.configs), g.Plan.Config.Device, c.device)
			}
			if c.device == "cpu" && !strings.HasSuffix(g.Plan.Notes[0], "device: cuda in base takes the GPU") {
				t.Errorf("the notes are %q", g.Plan.Notes)
			}
		}
	}
}
