package experiment

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Plan is a configuration that was found to be sound: every setting is resolved, the headers of data files
// are read, and the memory is checked. Nothing has been computed yet.
type Plan struct {
	Config  config.Config
	Backend solver.Backend
	// Bytes is the memory that the run needs, and Available the memory that there is: of several devices on
	// the one that has least to spare.
	Bytes, Available float64
	// Cards has what the run needs on each of several devices; none if there is one.
	Cards []Card
	// Storage says whether the rows will be kept in memory or generated.
	Storage string
	// Notes are what the user should know about the choice of device.
	Notes []string
	// Notice receives what a user should know while the run goes on; it may be nil.
	Notice func(text string)
	// Watch hears what the run does between its samples, as in [solver.Settings], and of [Reading]; it may be
	// nil.
	Watch func(a solver.Activity, iteration int)
	host  Host
	batch solver.Batch // what the engine will be opened for
	// open is the problem whose engine the run takes; nil if the run opens one for itself.
	open *Problem
	// ofGroup says that the settings come from a sweep file, not from flags.
	ofGroup bool
}

// NewPlan checks a configuration. Its errors are a [config.UsageError] if the user can correct them.
func NewPlan(c config.Config, h Host) (*Plan, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c, host: h.Settle([]config.Config{c}), batch: batchOf(c)}
	if err := p.place(); err != nil {
		return nil, err
	}
	return p, nil
}

// usableFraction is the part of the available memory that a run may plan for.
const usableFraction = 0.9

// place picks the device and the storage, and refuses a problem that does not fit into memory.
func (p *Plan) place() error {
	devices, estimate := []string{p.Config.Device}, ""
	if p.Config.Device == "auto" {
		var why string
		if devices, why = p.host.Auto(); why != "" {
			p.Notes = append(p.Notes, fmt.Sprintf("%s is used: %s", devices[0], why))
		}
		devices, estimate = p.host.choice.order(devices, p.inWords("device", "cuda"))
	}
	precision := p.Config.Precision
	for i, device := range devices {
		p.Config.Device = device
		if precision == "auto" {
			p.Config.Precision = p.host.Precision(p.Config)
		}
		err := p.placeRows()
		if err == nil {
			if i == 0 && estimate != "" {
				p.Notes = append(p.Notes, estimate)
			}
			if p.host.Left != nil {
				if left := p.host.Left(device); left != "" {
					p.Notes = append(p.Notes, left)
				}
			}
			p.warnOfEmulation()
			return nil
		}
		switch last := i == len(devices)-1; {
		case errors.Is(err, solver.ErrUnsupported) && last:
			return config.Usagef("%s: %v%s", p.Config.At("device"), err, p.elsewhere(err))
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

// elsewhere advises to use the cpu instead of a device that does not support a run, unless the device knows
// better or the cpu does not support the run either.
func (p *Plan) elsewhere(unsupported error) string {
	var own *solver.Unsupported
	if errors.As(unsupported, &own) && own.Instead != "" || p.Config.Device == "cpu" {
		return ""
	}
	if _, _, err := p.host.expect(p.Config, "cpu"); err != nil {
		return ""
	}
	return ": use " + p.inWords("device", "cpu")
}

// Precision is what the precision auto comes to on the device of a configuration: mixed if it makes steps
// there faster. It measures nothing, and asks for nothing but the problem and the device, so that its answer
// is the same each time, for a run alone and for the runs of a group. If there is no backend, a plan says
// why.
func (h Host) Precision(c config.Config) string {
	if c.Check() != nil {
		return "f64"
	}
	b, err := h.Backend(Place{Device: c.Device, Storage: "memory", Precision: "f64", Workers: c.Workers,
		SIMD: c.SIMD})
	if err != nil {
		return "f64"
	}
	return precisionOn(b, &c)
}

// precisionOn is the precision that auto stands for on a backend.
func precisionOn(b solver.Backend, c *config.Config) string {
	if m, ok := b.(mixing); ok && c.Entries != "" {
		if e, err := c.StandIn(); err == nil && m.MixedIsFaster(e) {
			return "mixed"
		}
	}
	return "f64"
}

// warnOfEmulation notes how long a step takes on the emulator, if that is more than a moment.
func (p *Plan) warnOfEmulation() {
	const perSecond = 3e6 // entries of the measurements, roughly
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
		var estimate float64
		if p.Backend, p.Bytes, estimate, err = p.needs(storage, c.Entries); err != nil {
			return err
		}
		switch err = p.findMemory(); {
		case errors.Is(err, ErrUnavailable):
			return err
		case err != nil:
			return fmt.Errorf("the memory of %s could not be found out: %w", p.Backend.Name(), err)
		}
		p.Storage = storage
		if p.Bytes > usableFraction*p.Available {
			return errTooLarge
		}
		return p.hostHas(estimate)
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

// findMemory sets the available memory: on several devices that of each, and Bytes and Available of the one
// that has least to spare.
func (p *Plan) findMemory() (err error) {
	p.Cards = nil
	b, is := p.Backend.(several)
	if is && p.host.Cards != nil {
		if p.Cards, err = p.host.Cards(p.Backend); err != nil {
			return err
		}
	}
	if len(p.Cards) == 0 {
		p.Available, err = p.host.Memory(p.Backend)
		return err
	}
	e, err := p.Config.StandIn()
	if err != nil {
		return err
	}
	each, err := b.MemoryOfEach(&sensing.Problem{Ensemble: e}, p.batch)
	if err != nil {
		return err
	}
	for i, bytes := range each {
		c := &p.Cards[i]
		c.Bytes = bytes
		if i == 0 || bytes*p.Available > p.Bytes*c.Available {
			p.Bytes, p.Available = bytes, c.Available
		}
	}
	return nil
}

// tightest is the device that Bytes and Available are of: of several, the one that has least to spare.
func (p *Plan) tightest() string {
	for _, c := range p.Cards {
		if c.Bytes == p.Bytes && c.Available == p.Available {
			return fmt.Sprintf("%s, one of %d devices", c.Device, len(p.Cards))
		}
	}
	return p.Config.Device
}

// generatedIsFaster asks the backend whether generated rows make steps faster.
func (p *Plan) generatedIsFaster() bool {
	b, ok := p.Backend.(timed)
	if !ok {
		return false
	}
	c := &p.Config
	size := fmt.Sprint(c.Ensemble, c.Entries, c.Precision, bits.Len(uint(c.Space().K())),
		bits.Len(uint(c.Measurements)))
	faster, known := p.host.faster[size]
	if !known {
		e, err := c.NewEnsemble()
		faster = err == nil && b.GeneratedIsFaster(e)
		p.host.faster[size] = faster
	}
	return faster
}

// errTooLarge says that a problem does not fit into memory; tooLarge says it to the user.
var errTooLarge = errors.New("too large")

// needs returns the backend and the bytes of a run whose rows have the given storage and number format. If
// the device has memory of its own, estimate is what the spectral estimate and the held-out measurements take
// of the host's; otherwise bytes include it.
func (p *Plan) needs(storage, entries string) (b solver.Backend, bytes, estimate float64, err error) {
	c := p.Config
	if b, err = p.host.Backend(Place{c.Device, storage, c.Precision, c.Workers, c.SIMD, p.tell}); err != nil {
		return nil, 0, 0, err
	}
	c.Entries = entries
	e, err := c.StandIn()
	if err != nil {
		return nil, 0, 0, err
	}
	bytes, err = solver.MemoryFor(b, &sensing.Problem{Ensemble: e}, p.batch)
	estimate = solver.SpectralBytes(e, c.SpectralPairs()) + p.comparedBytes(e.Space())
	if b.Name() == "cuda" {
		return b, bytes, estimate, err
	}
	return b, bytes + estimate, 0, err
}

// comparedBytes is the memory of the host that the comparison of iterates takes: the held-out measurements,
// and for each member of the batch two copies of its factor.
func (p *Plan) comparedBytes(space sensing.Space) float64 {
	c := &p.Config
	bytes := c.HeldOutBytes()
	if bytes == 0 && !c.KeepsBest() {
		return 0
	}
	for _, r := range p.batch.FactorRanks {
		shapes, err := p.batch.Parametrization.Shapes(space, r)
		if err != nil { // the backend refuses it as well
			return bytes
		}
		bytes += 2 * 8 * float64(solver.Numbers(shapes))
	}
	return bytes
}

// hostHas returns an error if the host has too little memory for what a run on a device keeps there.
func (p *Plan) hostHas(bytes float64) error {
	if bytes == 0 {
		return nil
	}
	cpu, err := p.host.Backend(Place{Device: "cpu"})
	if err != nil {
		return err
	}
	available, err := p.host.Memory(cpu)
	if err != nil {
		return fmt.Errorf("the memory of the host could not be found out: %w", err)
	}
	if bytes > usableFraction*available {
		return config.Usagef("the spectral estimate and the held-out measurements of this run need %s of "+
			"the host's memory and %s are available%s: lower n, rank or hold-out", Bytes(bytes),
			Bytes(available), p.hostLimit())
	}
	return nil
}

// Reading is the activity before the solver's: data files are read, and the truth is made.
const Reading solver.Activity = "data"

// watch passes an activity to Watch.
func (p *Plan) watch(a solver.Activity) {
	if p.Watch != nil {
		p.Watch(a, 0)
	}
}

// hostLimit says in brackets what bounds the host's memory, or nothing.
func (p *Plan) hostLimit() string {
	if p.host.Limit != nil {
		if limit := p.host.Limit(); limit != "" {
			return " (" + limit + ")"
		}
	}
	return ""
}

// tell passes a backend's notice to Notice.
func (p *Plan) tell(text string) {
	if p.Notice != nil {
		p.Notice(text)
	}
}

// inWords writes a setting as the user gives it: as a flag, or as a line of a sweep file.
func (p *Plan) inWords(key, value string) string {
	if p.ofGroup {
		return fmt.Sprintf("%s: %s in base", key, value)
	}
	return fmt.Sprintf("--%s %s", key, value)
}

// tooLarge returns the error that says how much memory is missing and what would fit. It is the user's
// mistake unless the run would fit into a device whose memory other processes hold now: then trying again may
// do.
func (p *Plan) tooLarge() error {
	c := p.Config
	other := *p // offers are tried on a copy: the next device must get the settings that were given
	var fits []string
	offer := func(words, storage, entries string) {
		_, bytes, _, err := other.needs(storage, entries)
		if err == nil && bytes <= usableFraction*p.Available {
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
		other.batch.Metrics = batchOf(other.Config).Metrics
		offer(p.inWords("factor-rank", strconv.Itoa(few)), p.Storage, c.Entries)
	}
	advice := "no other storage or entries would fit: lower n, measurements or factor-rank"
	if len(c.Formats()) == 0 {
		advice = "lower n, measurements or factor-rank"
	}
	if len(fits) > 0 {
		advice = strings.Join(fits, ", ")
	}
	limit := ""
	if p.Backend.Name() != "cuda" {
		limit = p.hostLimit()
	}
	says := func(more string) string {
		return fmt.Sprintf("this run needs %s of memory and %s are available on %s%s: %s", Bytes(p.Bytes),
			Bytes(p.Available), p.tightest(), more, advice)
	}
	if b, ok := p.Backend.(shared); ok && p.Backend.Name() == "cuda" &&
		p.Bytes <= usableFraction*b.DeviceMemory() {
		return errors.New(says(fmt.Sprintf(", of %s: other processes hold the rest; try again later, or",
			Bytes(b.DeviceMemory()))))
	}
	return config.Usagef("%s", says(limit))
}

// Bytes writes a number of bytes with a unit, rounded, as in "1.5 GB".
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
