package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Host is the machine as a run sees it.
type Host struct {
	// Backend returns the backend for a device (auto or a name), with rows in a storage (memory or generated).
	Backend func(device, storage string, workers int) (solver.Backend, error)
	// Memory returns the bytes that are available to this process.
	Memory func() (float64, error)
	// Version is the program's.
	Version string
}

// Plan is a configuration that was found to be sound: every setting resolved, the headers of data files read, memory
// checked. Nothing has been computed yet.
type Plan struct {
	Config  Config
	Backend solver.Backend
	// Bytes is the memory that the run needs, Available what there is.
	Bytes, Available float64
	// Storage is where the rows will be.
	Storage string
	host    Host
}

// NewPlan checks a configuration. Its errors are a [UsageError] where the user can mend them.
func NewPlan(c Config, h Host) (*Plan, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := c.readShapes(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c, host: h}
	return p, p.place()
}

// readShapes reads the headers of the data files, and fills in or checks the sizes that they imply.
func (c *Config) readShapes() error {
	shapes := map[string][]int{}
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, f := range c.dataFiles() {
		if *f.path == "" {
			continue
		}
		absolute, err := filepath.Abs(*f.path)
		if err != nil {
			return err
		}
		*f.path = absolute
		r, err := npy.Open(absolute)
		if err != nil {
			bad("%s: %v", c.at(f.key), err)
			continue
		}
		r.Close()
		shapes[f.key] = r.Shape
	}
	if len(problems) > 0 {
		return &UsageError{problems}
	}

	says := func(key string) string {
		f, _ := c.field(key)
		return fmt.Sprintf("%s %s has the shape %s", key, f.String(), npy.ShapeString(shapes[key]))
	}
	check := func(key string, value *int, size int, because string) {
		if c.given(key) && *value != size {
			bad("%s: %s is %d, and %s", c.at(key), key, *value, because)
		}
		*value = size
	}
	if a := shapes["matrices"]; a != nil {
		if len(a) != 3 || a[1] != a[2] || a[0] < 1 || a[1] < 1 {
			return usage("%s; it must be (m, n, n)", says("matrices"))
		}
		check("measurements", &c.Measurements, a[0], says("matrices"))
		check("n", &c.N, a[1], says("matrices"))
		if y := shapes["observations"]; len(y) < 1 || len(y) > 2 || columns(y) != 1 || y[0] != a[0] {
			bad("%s and %s: the second must be (%d,)", says("matrices"), says("observations"), a[0])
		}
		if !c.given("rank") {
			c.Rank = 0
		}
		if x := shapes["truth"]; x != nil {
			if !isTall(x) || x[0] != a[1] {
				bad("%s and %s: the second must be (%d, r*)", says("matrices"), says("truth"), a[1])
			} else {
				check("rank", &c.Rank, columns(x), says("truth"))
			}
		}
		if c.Rank < 0 || c.Rank > c.N {
			bad("%s: rank goes from 1 to n = %d, got %d", c.at("rank"), c.N, c.Rank)
		}
		if c.FactorRank == 0 && c.startFile() == "" {
			c.FactorRank = c.N
		}
	}
	if u := shapes["init"]; u != nil {
		if !isTall(u) || u[0] != c.N {
			bad("%s, and n is %d: it must be (%d, r)", says("init"), c.N, c.N)
		} else {
			check("factor-rank", &c.FactorRank, columns(u), says("init"))
		}
	}
	if len(problems) > 0 {
		return &UsageError{problems}
	}
	return nil
}

// isTall says whether a shape is that of a factor: (n, r), or (n,) for a single column.
func isTall(shape []int) bool {
	return (len(shape) == 1 || len(shape) == 2) && !slices.Contains(shape, 0)
}

func columns(shape []int) int {
	if len(shape) == 1 {
		return 1
	}
	return shape[1]
}

// share is the part of the available memory that a run may plan for.
const share = 0.9

// place picks backend and storage, and refuses what does not fit.
func (p *Plan) place() error {
	var err error
	if p.Available, err = p.host.Memory(); err != nil {
		return fmt.Errorf("the machine's memory could not be found out: %w", err)
	}
	try := func(storage, entries string) error {
		var err error
		if p.Backend, p.Bytes, err = p.needs(storage, entries); err != nil {
			return err
		}
		p.Storage = storage
		if p.Bytes > share*p.Available {
			return errTooLarge
		}
		return nil
	}
	c := &p.Config
	switch {
	case c.ownData() || c.Storage == "memory":
		err = try("memory", c.Entries)
	case c.Storage == "generated":
		err = try("generated", c.Entries)
	default:
		if err = try("memory", c.Entries); errors.Is(err, errTooLarge) {
			err = try("generated", c.Entries)
		}
	}
	if errors.Is(err, errTooLarge) {
		return p.tooLarge()
	}
	if err != nil {
		return err
	}
	c.Device = p.Backend.Name()
	return nil
}

var errTooLarge = errors.New("too large")

// needs returns what a run with rows of a format in a storage would take.
func (p *Plan) needs(storage, entries string) (solver.Backend, float64, error) {
	c := p.Config
	backend, err := p.host.Backend(c.Device, storage, c.Workers)
	if err != nil {
		return nil, 0, err
	}
	c.Entries = entries
	if c.ownData() {
		c.Ensemble = "gaussian" // of the same size: Bytes is asked before the user's rows are read
	}
	e, err := c.ensemble()
	if err != nil {
		return nil, 0, err
	}
	method := c.method()
	bytes, err := backend.Memory(&sensing.Problem{Ensemble: e}, solver.Batch{
		Parametrization: solver.PSD{}, FactorRanks: []int{c.FactorRank}, OwnSlots: method.Slots(),
	})
	return backend, bytes, err
}

// tooLarge says how much is missing and what would fit.
func (p *Plan) tooLarge() error {
	c := p.Config
	var fits []string
	offer := func(flags, storage, entries string) {
		if _, bytes, err := p.needs(storage, entries); err == nil && bytes <= share*p.Available {
			fits = append(fits, fmt.Sprintf("%s needs %s", flags, Bytes(bytes)))
		}
	}
	if !c.ownData() {
		if p.Storage == "memory" {
			offer("--storage generated", "generated", c.Entries)
		}
		if c.Ensemble == "gaussian" {
			for _, entries := range []string{"f32", "bf16", "q8"} {
				if entries != c.Entries {
					offer("--entries "+entries, p.Storage, entries)
				}
			}
		}
	}
	advice := "no other storage or entries would fit: lower n, measurements or factor-rank"
	if len(fits) > 0 {
		advice = strings.Join(fits, ", ")
	}
	return usage("this run needs %s of memory and %s are available: %s", Bytes(p.Bytes), Bytes(p.Available), advice)
}

// Bytes writes a size in bytes for people.
func Bytes(n float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	if i == 0 || n >= 99.5 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.2g %s", n, units[i])
}

func (c *Config) ensemble() (sensing.Ensemble, error) {
	space := sensing.Sym{N: c.N}
	if c.Ensemble == "rademacher" {
		return sensing.NewRademacher(space, c.Measurements, c.Seed)
	}
	return sensing.NewGaussian(space, c.Measurements, sensing.Entries(c.Entries), c.Seed)
}

func (c *Config) method() solver.Method { return solver.GradientDescent{StepSize: c.Step} }

// loaded is a plan with its data.
type loaded struct {
	problem *sensing.Problem
	start   solver.Start
	hashes  map[string]string // SHA-256 of each data file, by key
	notices []string
}

// load reads the data files, or draws the truth. Mistakes in the files are the user's.
func (p *Plan) load() (*loaded, error) {
	c := &p.Config
	l := &loaded{problem: &sensing.Problem{Noise: c.Noise, NoiseSeed: c.Seed}, hashes: map[string]string{}}
	for _, f := range c.dataFiles() {
		if *f.path == "" {
			continue
		}
		sum, err := hashFile(*f.path)
		if err != nil {
			return nil, usage("%s: %v", c.at(f.key), err)
		}
		l.hashes[f.key] = sum
	}
	var err error
	if c.ownData() {
		err = l.readData(c)
	} else {
		if l.problem.Ensemble, err = c.ensemble(); err == nil {
			l.problem.Truth, err = sensing.NewTruth(c.N, c.Rank, c.Kappa, c.Seed)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := l.problem.Validate(); err != nil {
		return nil, usage("%s: %v", c.at("observations"), err)
	}
	switch c.Init {
	case "random":
		l.start = solver.SmallRandom{Alpha: c.Alpha, Seed: c.StartSeed}
	case "spectral":
		l.start = solver.Spectral{}
	default:
		u, err := loadMatrix(c.Init)
		if err != nil {
			return nil, usage("%s: %v", c.at("init"), err)
		}
		if !(solver.Factor{u}).Finite() {
			return nil, usage("%s: %s has elements that are NaN or infinite", c.at("init"), c.Init)
		}
		l.start = solver.Given{U: u}
	}
	return l, nil
}

func (l *loaded) readData(c *Config) error {
	r, err := npy.Open(c.Matrices)
	if err != nil {
		return usage("%s: %v", c.at("matrices"), err)
	}
	defer r.Close()
	dense, err := sensing.ReadDense(r)
	if err != nil {
		return usage("%s: %s: %v", c.at("matrices"), c.Matrices, err)
	}
	l.problem.Ensemble = dense
	if dense.Asymmetry > 0 {
		l.notices = append(l.notices, fmt.Sprintf(
			"the measurement matrices are not symmetric (A and Aᵀ differ by up to %.2g of the largest element): (A + Aᵀ)/2 is used, which changes no ⟨A, Z⟩ with a symmetric Z",
			dense.Asymmetry))
	}
	y, err := npy.Load(c.Observations)
	if err != nil {
		return usage("%s: %v", c.at("observations"), err)
	}
	l.problem.Observations = y.Data().([]float64)
	if c.Truth == "" {
		return nil
	}
	x, err := loadMatrix(c.Truth)
	if err == nil {
		l.problem.Truth, err = sensing.TruthOf(x)
	}
	if err != nil {
		return usage("%s: %s: %v", c.at("truth"), c.Truth, err)
	}
	return nil
}

// loadMatrix reads a matrix, or a vector as a single column.
func loadMatrix(path string) (*mat.Dense, error) {
	a, err := npy.Load(path)
	if err != nil {
		return nil, err
	}
	return asMatrix(a), nil
}

func asMatrix(a *tensor.Dense) *mat.Dense {
	shape := a.Shape()
	return mat.NewDense(shape[0], columns(shape), a.Data().([]float64))
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
