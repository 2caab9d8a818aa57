package experiment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/gpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// memberChecks are the checks that every member of the catalog must pass.
var memberChecks = []struct {
	name  string
	check func(t *testing.T, e config.Entry) error
}{
	{"a smallest run", checkRuns},
	{"resume equals", checkResumes},
	{"the best iterate is kept", checkBest},
	{"a batch equals", checkBatch},
	{"interrupted anywhere and resumed equals", checkInterrupted},
	{"runs on the emulator, or is refused", checkEmulator},
	{"a section of the documentation", checkDocs},
	{"a reference case", checkReference},
}

// shipped has the members that matsense comes with; tests register more.
var shipped = config.Catalog()

// TestCatalog: every method, retraction, parametrization, ensemble, observation model, loss and start runs,
// resumes and shares a batch. A device runs it or refuses it. The documentation explains it, and a test
// compares it with an independent computation.
func TestCatalog(t *testing.T) {
	for _, e := range shipped {
		for _, c := range memberChecks {
			t.Run(e.Kind+" "+e.Name+"/"+c.name, func(t *testing.T) {
				if err := c.check(t, e); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// smallest returns a configuration of a small run with a member: of a list of problems, the first that is
// valid with it.
func smallest(t *testing.T, e config.Entry, more ...string) (config.Config, error) {
	t.Helper()
	key := map[string]string{"start": "init"}[e.Kind]
	if key == "" {
		key = e.Kind
	}
	const base = "n=8 rank=2 measure-every=1 checkpoint-every=0 device=cpu "
	var failed error
	for _, problem := range []string{
		"factor-rank=2 init=spectral measurements=30 iterations=4",
		"factor-rank=2 measurements=30 alpha=0.1 iterations=4",
		"factor-rank=2", // what takes no steps, or brings its own measurements
		"rank=1 alpha=0.1 parametrization=sparse iterations=4",
		"factor-rank=1 alpha=0.1 measurements=30 iterations=4",
		"factor-rank=2 ensemble=relu-completion iterations=4",
		"factor-rank=2 rank=0 init=spectral iterations=4 " + userMatrices(t),
		"factor-rank=2 init=spectral measurements=30 iterations=4 method=rgd",
		"factor-rank=2 parametrization=uv init=spectral measurements=60 iterations=4",
		"factor-rank=3 parametrization=polar alpha=0.1 measurements=60 iterations=4",
		"factor-rank=8 alpha=0.1 measurements=30 iterations=4",
	} {
		settings := slices.DeleteFunc(strings.Fields(base+problem),
			func(s string) bool { return strings.HasPrefix(s, key+"=") })
		c := configOf(t, append(append(settings, key+"="+e.Name), more...)...)
		c.SetProgram(programmedGD)
		sound := c
		if failed = sound.Check(); failed == nil {
			return c, nil
		}
	}
	return config.Config{}, fmt.Errorf("%s %s has no smallest run: %w", e.Kind, e.Name, failed)
}

// programmedGD takes the steps of gradient descent on the host, as a user's program does.
func programmedGD(m *solver.Member, _ int) error {
	u, g := solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes())
	if err := errors.Join(m.Get(solver.Iterate, u), m.Get(solver.Gradient, g)); err != nil {
		return err
	}
	u.Combine(1, u, -0.25, g)
	return m.Set(solver.Iterate, u)
}

// userMatrices writes files of user data, and returns the settings that name them.
func userMatrices(t *testing.T) string {
	t.Helper()
	const m, n = 30, 8
	dir := t.TempDir()
	a, y := make([]float64, m*n*n), make([]float64, m)
	sensing.NewStream(1, sensing.EntriesStream).Normals(0, a)
	for i := range y {
		y[i] = a[i*n*n] // ⟨A_i, e₁e₁ᵀ⟩
	}
	for name, file := range map[string]struct {
		shape  []int
		values []float64
	}{"A.npy": {[]int{m, n, n}, a}, "y.npy": {[]int{m}, y}} {
		var b bytes.Buffer
		if err := npy.Write(&b, file.shape, file.values); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return "matrices=" + filepath.Join(dir, "A.npy") + " observations=" + filepath.Join(dir, "y.npy")
}

// runHere carries out a run in a directory, and returns its outcome.
func runHere(c config.Config, h Host, o Options) (*Outcome, error) {
	p, err := NewPlan(c, h)
	if err != nil {
		return nil, err
	}
	return p.Run(context.Background(), o, silent{})
}

// sameRun says how the records of two runs differ, apart from seconds.
func sameRun(a, b *Run) error {
	if len(a.Trajectory) != len(b.Trajectory) || len(a.Trajectory) == 0 {
		return fmt.Errorf("%d samples, and %d", len(a.Trajectory), len(b.Trajectory))
	}
	for i := range a.Trajectory {
		x, y := a.Trajectory[i], b.Trajectory[i]
		x.Seconds, y.Seconds = 0, 0
		if s, t := fmt.Sprintf("%b", x), fmt.Sprintf("%b", y); s != t {
			return fmt.Errorf("sample %d is %v, and %v", i, x, y)
		}
	}
	return nil
}

// sameFactor says whether two run directories have the same bits of the factor.
func sameFactor(t *testing.T, c *config.Config, a, b string) error {
	for i, name := range factorFiles(c) {
		if _, err := os.Stat(filepath.Join(a, name)); i > 0 && err != nil {
			break
		}
		if !bytes.Equal(readFile(t, filepath.Join(a, name)), readFile(t, filepath.Join(b, name))) {
			return fmt.Errorf("%s differs", name)
		}
	}
	return nil
}

// checkRuns checks that the smallest run ends well.
func checkRuns(t *testing.T, e config.Entry) error {
	c, err := smallest(t, e)
	if err != nil {
		return err
	}
	out, err := runHere(c, cpuHost(1e9), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		return err
	}
	if out.Summary.Status != solver.BudgetSpent {
		return fmt.Errorf("it ended with %q", out.Summary.StatusText)
	}
	last := out.Trajectory[len(out.Trajectory)-1]
	if math.IsNaN(last.TrainLoss) && math.IsNaN(last.SpectralAngle) {
		return errors.New("nothing was measured")
	}
	return nil
}

// checkResumes checks that an interrupted run, resumed, gives the bits of an uninterrupted run.
func checkResumes(t *testing.T, e config.Entry) error {
	c, err := smallest(t, e)
	if err != nil {
		return err
	}
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	want, err := runHere(c, cpuHost(1e9), Options{Dir: whole})
	if err != nil {
		return err
	}
	first := c
	first.Iterations /= 2
	if _, err := runHere(first, cpuHost(1e9), Options{Dir: parts}); err != nil {
		return err
	}
	got, err := runHere(c, cpuHost(1e9), Options{Dir: parts, Resume: true})
	if err != nil {
		return err
	}
	if got.Summary.ResumedFrom == nil {
		return errors.New("the second part did not resume")
	}
	return errors.Join(sameRun(got.Run, want.Run), sameFactor(t, &got.Config, parts, whole))
}

// checkBest checks that the best iterate has the bits of a run that ends there, and that an interrupted run
// keeps the same.
func checkBest(t *testing.T, e config.Entry) error {
	c, err := smallest(t, e)
	if err != nil {
		return err
	}
	if resolved := c; resolved.Check() == nil && resolved.EstimatesOnly() { // there is one iterate
		return nil
	}
	set := func(key, value string) {
		f, _ := c.Field(key)
		err = errors.Join(err, f.Set(value, "--"+key))
	}
	set("keep", "best")
	set("iterations", "6")
	if c.ErrorName() == "" {
		set("hold-out", "0.25")
	}
	if err != nil {
		return err
	}
	at := func(iterations int, o Options) (*Outcome, error) {
		c := c
		c.Iterations = iterations
		return runHere(c, cpuHost(1e9), o)
	}
	temp := t.TempDir()
	whole, parts := filepath.Join(temp, "whole"), filepath.Join(temp, "parts")
	stopped := filepath.Join(temp, "stopped")
	want, err := at(6, Options{Dir: whole})
	if err != nil {
		return err
	}
	_, err = at(want.Summary.Iterations, Options{Dir: stopped})
	if _, failed := at(4, Options{Dir: parts}); failed != nil {
		return failed
	}
	got, failed := at(6, Options{Dir: parts, Resume: true})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	if got.Summary.Iterations != want.Summary.Iterations {
		return fmt.Errorf("iterate %d is kept, and after an interruption %d", want.Summary.Iterations,
			got.Summary.Iterations)
	}
	return errors.Join(sameFactor(t, &want.Config, stopped, whole), sameFactor(t, &want.Config, parts, whole))
}

// checkBatch checks that two runs of a group give the bits that each gives alone.
func checkBatch(t *testing.T, e config.Entry) error {
	long, err := smallest(t, e)
	if err != nil {
		return err
	}
	short := long
	if f, _ := short.Field("measure-every"); f.Set("2", "") != nil {
		return errors.New("measure-every cannot be set")
	}
	configs := []config.Config{long, short}
	g, err := PlanGroup(configs, 2, cpuHost(1e9))
	if err != nil {
		return err
	}
	var differ error
	told := 0
	err = g.Run(context.Background(), nil, nil, func(i int, got *Run, err error) {
		told++
		if err != nil {
			differ = errors.Join(differ, err)
			return
		}
		alone, err := runHere(configs[i], cpuHost(1e9), Options{Dir: filepath.Join(t.TempDir(), "run")})
		if err == nil {
			err = sameRun(got, alone.Run)
		}
		differ = errors.Join(differ, err)
	})
	if err == nil && told != 2 {
		err = fmt.Errorf("%d of 2 runs ended", told)
	}
	return errors.Join(err, differ)
}

// emulatorHost is a machine with an emulated GPU.
func emulatorHost() Host {
	h := cpuHost(1e9)
	onCPU := h.Backend
	h.Backend = func(p Place) (solver.Backend, error) {
		if p.Device != "emulator" {
			return onCPU(p)
		}
		d := emulator.New(emulator.Config{})
		info, err := d.Info()
		connect := func() (driver.Device, error) { return d, nil }
		storage := solver.Storage(p.Storage)
		return gpu.Backend{Label: "emulator", Info: info, Connect: connect, Storage: storage}, err
	}
	return h
}

// checkEmulator checks that the smallest run has the same losses on the emulator as on the cpu.
func checkEmulator(t *testing.T, e config.Entry) error {
	here, err := smallest(t, e)
	if err != nil {
		return err
	}
	there, err := smallest(t, e, "device=emulator")
	if err != nil {
		return err
	}
	got, err := runHere(there, emulatorHost(), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		return err
	}
	want, err := runHere(here, emulatorHost(), Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		return err
	}
	// Both compute in double precision in different orders: 1e-9 leaves room for 10⁶ roundings.
	a, b := float64(got.Summary.Final.TrainLoss), float64(want.Summary.Final.TrainLoss)
	if math.Abs(a-b) > 1e-9*math.Abs(b)+1e-15 || math.IsNaN(a) != math.IsNaN(b) {
		return fmt.Errorf("the train loss is %v on the emulator and %v on the cpu", a, b)
	}
	return nil
}

// checkDocs wants a section of docs/methods.md under the member's name.
func checkDocs(_ *testing.T, e config.Entry) error {
	text, err := os.ReadFile("../docs/methods.md")
	if err == nil && !strings.Contains(string(text), "\n### "+e.Name+"\n") {
		err = fmt.Errorf("docs/methods.md has no section %q", e.Name)
	}
	return err
}

// lawTests are the tests that compare members with an independent computation if testdata/reference has no
// case: the reference's program can hand over only what user data can have.
var lawTests = map[string]string{
	"method custom":            "solver/custom_test.go TestCustom",
	"method none":              "solver/none_test.go TestNone",
	"ensemble gaussian":        "sensing/gaussian_test.go TestGaussianRoundsOneDraw",
	"ensemble rademacher":      "sensing/rademacher_test.go TestRademacherBits",
	"ensemble relu-completion": "sensing/completion_test.go TestReLU",
	"observation single-index": "sensing/singleindex_test.go TestSingleIndexObserves",
	"observation multi-index":  "sensing/multiindex_test.go TestObserve",
	"start random":             "experiment/config/starts_test.go TestRandomStart",
	"start spectral":           "solver/solve_test.go TestSpectralStart",
	"start relu-spectral":      "solver/estimate_test.go TestSpectralSkips",
	"start saddle":             "solver/rgd_test.go TestPlantedSaddle",
	"start ones":               "experiment/config/starts_test.go TestOnesStart",
}

// checkReference checks that a case of testdata/reference names the member, or that a test of its law exists.
func checkReference(_ *testing.T, e config.Entry) error {
	if test, ok := lawTests[e.Kind+" "+e.Name]; ok {
		file, name, _ := strings.Cut(test, " ")
		text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(file)))
		if err == nil && !strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			err = fmt.Errorf("%s has no %s", file, name)
		}
		return err
	}
	cases, err := filepath.Glob("../testdata/reference/*/settings.json")
	if err != nil {
		return err
	}
	for _, path := range cases {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		// A case is linear with the squared loss, and its measurements are dense, if it says nothing else.
		settings := map[string]any{"observation": "linear", "ensemble": "dense", "loss": "squared"}
		if err := json.Unmarshal(text, &settings); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if settings[e.Kind] == e.Name {
			return nil
		}
	}
	return fmt.Errorf("no case of testdata/reference has the %s %s, and no test of its law is known", e.Kind,
		e.Name)
}

// plant registers two faulty methods, once, and returns their entries. Every backend refuses the first; the
// second gives other bits each time.
var plant = sync.OnceValue(func() map[string]config.Entry {
	made := 0
	refused := config.Method{
		Entry: config.Entry{
			Name: "planted-refused", About: "a method that no configuration goes with",
			Check: func(_ *config.Config, m *config.Mistakes) {
				m.Bad("method", "planted-refused goes with nothing")
			},
		},
		Make: func(*config.Config) solver.Method { return solver.None{} },
	}
	restless := config.Method{
		Entry: config.Entry{
			Name: "planted-restless", About: "a method whose steps depend on how often it was made",
		},
		Make: func(c *config.Config) solver.Method {
			made++
			usual := *c
			usual.Method, usual.Step = "gd", c.Step/float64(made)
			return usual.NewMethod()
		},
	}
	entries := map[string]config.Entry{}
	for _, m := range []config.Method{refused, restless} {
		if err := config.RegisterMethod(m); err != nil {
			panic(err)
		}
		m.Kind = "method"
		entries[m.Name] = m.Entry
	}
	return entries
})

// TestCatalogFindsWhatIsMissing: each check fails, by its name, for a member that lacks what it asks for.
func TestCatalogFindsWhatIsMissing(t *testing.T) {
	for name, fails := range map[string][]string{
		"planted-refused": {
			"a smallest run", "resume equals", "the best iterate is kept", "a batch equals",
			"interrupted anywhere and resumed equals", "runs on the emulator, or is refused",
			"a section of the documentation", "a reference case",
		},
		"planted-restless": {
			"resume equals", "the best iterate is kept", "a batch equals",
			"interrupted anywhere and resumed equals", "runs on the emulator, or is refused",
			"a section of the documentation", "a reference case",
		},
	} {
		var failed []string
		for _, c := range memberChecks {
			if c.check(t, plant()[name]) != nil {
				failed = append(failed, c.name)
			}
		}
		if !slices.Equal(failed, fails) {
			t.Errorf("%s fails %q, want %q", name, failed, fails)
		}
	}
}
