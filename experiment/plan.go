package experiment

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Host is the machine as a run sees it.
type Host struct {
	// Auto lists the devices that auto may pick, the best first, and says why a better one is missing: ""
	// where there is nothing to tell.
	Auto func() (devices []string, why string)
	// Backend returns the backend for a place.
	Backend func(Place) (solver.Backend, error)
	// Memory returns the bytes that are available to a backend, on its device. The error wraps
	// [ErrUnavailable] if the device cannot be had now.
	Memory func(solver.Backend) (float64, error)
	// Version is the program's.
	Version string
}

// ErrUnavailable is what a [Host] says of a device that cannot be had now, since another process holds it:
// auto then takes the next device, and a run that asked for this one fails, but may succeed later.
var ErrUnavailable = errors.New("the device is not available")

// Place says where and how a run computes.
type Place struct {
	Device    string // cpu, cuda, cuda:1, emulator
	Storage   string // memory or generated
	Precision string // f64, mixed or f32
	Workers   int
	SIMD      string // auto, avx512, avx2 or off
	// Notice is told what a user should know of how a device does its work.
	Notice func(text string)
}

// Plan is a configuration that was found to be sound: every setting resolved, the headers of data files read,
// memory checked. Nothing has been computed yet.
type Plan struct {
	Config  config.Config
	Backend solver.Backend
	// Bytes is the memory that the run needs, Available what there is.
	Bytes, Available float64
	// Storage is where the rows will be.
	Storage string
	// Notes are what the user should know about the choice of device.
	Notes []string
	// Notice is told what a user should know while the run goes on; nil is nobody.
	Notice func(text string)
	host   Host
	batch  solver.Batch // what an engine is opened for
	// ofGroup says that the settings are those of a sweep's file, and no flags.
	ofGroup bool
}

// NewPlan checks a configuration. Its errors are a [config.UsageError] where the user can mend them.
func NewPlan(c config.Config, h Host) (*Plan, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c, host: h, batch: solver.Batch{
		Parametrization: c.NewParametrization(), FactorRanks: []int{c.FactorRank},
		Needs: c.NewMethod().Needs(),
	}}
	if err := p.place(); err != nil {
		return nil, err
	}
	return p, nil
}

// usableFraction is the part of the available memory that a run may plan for.
const usableFraction = 0.9

// place picks device and storage, and refuses what does not fit.
func (p *Plan) place() error {
	devices := []string{p.Config.Device}
	if p.Config.Device == "auto" {
		var why string
		if devices, why = p.host.Auto(); why != "" {
			p.Notes = append(p.Notes, fmt.Sprintf("%s is used: %s", devices[0], why))
		}
	}
	precision := p.Config.Precision
	if precision == "mixed" && p.Config.Device == "auto" {
		if devices[0] != "cpu" {
			p.Notes = append(p.Notes, fmt.Sprintf("cpu is used: %s has no mixed precision yet", devices[0]))
		}
		devices = []string{"cpu"}
	}
	for i, device := range devices {
		p.Config.Device = device
		if precision == "auto" {
			p.Config.Precision = fasterPrecision(device, sensing.Entries(p.Config.Entries))
		}
		err := p.placeRows()
		if err == nil {
			p.warnOfEmulation()
			return nil
		}
		switch last := i == len(devices)-1; {
		case errors.Is(err, solver.ErrUnsupported) && last:
			return config.Usagef("%s: %v; device cpu runs it", p.Config.At("device"), err)
		case errors.Is(err, errTooLarge) && last:
			return p.tooLarge()
		case errors.Is(err, errTooLarge):
			err = p.tooLarge()
		case errors.Is(err, ErrUnavailable) && !last:
		case !errors.Is(err, solver.ErrUnsupported):
			return err
		}
		p.Notes = append(p.Notes, fmt.Sprintf("%s is used: %v", devices[i+1], err))
	}
	return nil
}

// fasterPrecision picks mixed precision where single precision makes steps faster. Steps over f64 and f32
// entries wait for memory in either.
func fasterPrecision(device string, entries sensing.Entries) string {
	if device == "cpu" && entries != "" && entries.EntryBits() < 32 {
		return "mixed"
	}
	return "f64"
}

// warnOfEmulation tells how long steps will be on the emulator, where that is more than a moment.
func (p *Plan) warnOfEmulation() {
	const perSecond = 3e6 // entries, roughly
	n, m := float64(p.Config.N), float64(p.Config.Measurements)
	step := time.Duration(m * n * (n + 1) / 2 / perSecond * float64(time.Second))
	if p.Backend.Name() == "emulator" && step > 2*time.Second {
		p.Notes = append(p.Notes, fmt.Sprintf("the emulator is for checking, not for speed: a step of this "+
			"problem takes it about %v", step.Round(time.Second)))
	}
}

// placeRows picks the storage on the configured device.
func (p *Plan) placeRows() error {
	try := func(storage string) (err error) {
		c := &p.Config
		if p.Backend, p.Bytes, err = p.needs(storage, c.Entries); err != nil {
			return err
		}
		switch p.Available, err = p.host.Memory(p.Backend); {
		case errors.Is(err, ErrUnavailable):
			return err
		case err != nil:
			return fmt.Errorf("the memory of %s could not be found out: %w", p.Backend.Name(), err)
		}
		p.Storage = storage
		if p.Bytes > usableFraction*p.Available {
			return errTooLarge
		}
		return nil
	}
	switch c := &p.Config; {
	case !c.CanGenerate() || c.Storage == "memory":
		return try("memory")
	case c.Storage == "generated":
		return try("generated")
	default:
		err := try("memory")
		if errors.Is(err, errTooLarge) || err == nil && p.generatedIsFaster() {
			err = try("generated")
		}
		return err
	}
}

// timed is a backend that can find out in a moment how long things take.
type timed interface {
	// GeneratedIsFaster says whether steps take less time when rows are made as they are needed.
	GeneratedIsFaster(e sensing.Ensemble) bool
	// Estimate returns the seconds to make all rows and those of a step of so many members, 0 where they
	// cannot be told.
	Estimate(e sensing.Ensemble, members int) (making, step float64)
}

// generatedIsFaster asks the backend.
func (p *Plan) generatedIsFaster() bool {
	b, ok := p.Backend.(timed)
	if !ok {
		return false
	}
	e, err := p.Config.NewEnsemble()
	return err == nil && b.GeneratedIsFaster(e)
}

var errTooLarge = errors.New("too large")

// needs returns what a run with rows of a format in a storage would take.
func (p *Plan) needs(storage, entries string) (solver.Backend, float64, error) {
	c := p.Config
	backend, err := p.host.Backend(Place{c.Device, storage, c.Precision, c.Workers, c.SIMD, p.tell})
	if err != nil {
		return nil, 0, err
	}
	c.Entries = entries
	e, err := c.StandIn()
	if err != nil {
		return nil, 0, err
	}
	bytes, err := solver.MemoryFor(backend, &sensing.Problem{Ensemble: e}, p.batch)
	return backend, bytes + solver.SpectralBytes(e, c.SpectralPairs()), err
}

// tell passes on what a backend says while the run goes on.
func (p *Plan) tell(text string) {
	if p.Notice != nil {
		p.Notice(text)
	}
}

// inWords tells a user how to give a setting.
func (p *Plan) inWords(key, value string) string {
	if p.ofGroup {
		return fmt.Sprintf("%s: %s in base", key, value)
	}
	return fmt.Sprintf("--%s %s", key, value)
}

// tooLarge says how much is missing and what would fit.
func (p *Plan) tooLarge() error {
	c := p.Config
	other := *p // what is offered is tried on a copy: the next device is asked for what was configured
	var fits []string
	offer := func(words, storage, entries string) {
		if _, bytes, err := other.needs(storage, entries); err == nil && bytes <= usableFraction*p.Available {
			fits = append(fits, fmt.Sprintf("%s needs %s", words, Bytes(bytes)))
		}
	}
	if c.CanGenerate() && p.Storage == "memory" {
		offer(p.inWords("storage", "generated"), "generated", c.Entries)
	}
	if formats := c.Formats(); !c.HasUserData() && len(formats) > 1 {
		for _, f := range formats {
			if entries := string(f); entries != c.Entries {
				offer(p.inWords("entries", entries), p.Storage, entries)
			}
		}
	}
	if few := 2 * max(c.Rank, 1); len(c.Formats()) == 0 && c.StartFile() == "" && few < c.FactorRank {
		other.Config.FactorRank = few
		other.batch.FactorRanks = slices.Repeat([]int{few}, len(p.batch.FactorRanks))
		offer(p.inWords("factor-rank", strconv.Itoa(few)), p.Storage, c.Entries)
	}
	advice := "no other storage or entries would fit: lower n, measurements or factor-rank"
	if len(c.Formats()) == 0 {
		advice = "lower n, measurements or factor-rank"
	}
	if len(fits) > 0 {
		advice = strings.Join(fits, ", ")
	}
	return config.Usagef("this run needs %s of memory and %s are available on %s: %s", Bytes(p.Bytes),
		Bytes(p.Available), p.Config.Device, advice)
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
