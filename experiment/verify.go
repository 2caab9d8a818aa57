package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// Original is a run as its directory has it, which is to be compared with the same run done again.
type Original struct {
	*Run
	Dir string
	By  Maker

	files map[string][]byte // the matrices of the factor that the directory has, by the names of their files
}

// Maker says what made a run. An empty member is unknown.
type Maker struct {
	Version string // of the program
	Go      string
	System  string // operating system and processor's architecture, as in linux/amd64
	Device  string // cpu, cuda or emulator
}

// OpenOriginal reads the run in a directory, and the configuration that repeats it as far as the run has
// come. changes may have another device, settings that change no bit, and the new paths of data files that
// were moved. Its errors are a [config.UsageError] if the user can correct them.
func OpenOriginal(dir string, changes config.Config) (*Original, config.Config, error) {
	r, err := Open(dir)
	if err != nil {
		return nil, config.Config{}, err
	}
	o := &Original{Run: r, Dir: dir, By: madeBy(r), files: map[string][]byte{}}
	if len(r.Trajectory) == 0 && r.Summary == nil {
		return nil, r.Config, config.Usagef("%s has no measured iterate yet: nothing can be compared", dir)
	}
	may := func(f config.Field) bool { return f.MayChange() || f.Key == "device" }
	c, err := configWith(dir, changes, may, "a run that is repeated may change device")
	if err != nil {
		return nil, c, err
	}
	if r.Summary != nil {
		for _, name := range factorFiles(&c) {
			path := filepath.Join(dir, name)
			if err := userfile.CheckRegular(path); errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return nil, c, err
			}
			if o.files[name], err = os.ReadFile(path); err != nil {
				return nil, c, err
			}
		}
		if len(o.files) == 0 {
			return nil, c, config.Usagef("%s has a %s and no %s: the run is not whole", dir, summaryFile,
				factorFiles(&c)[0])
		}
	}
	c.Iterations = o.reached()
	return o, c, nil
}

// madeBy says what made a run: its summary knows, and of a run that has not ended config.yaml knows less.
func madeBy(r *Run) Maker {
	device := config.DeviceKind(r.Config.Device)
	m := Maker{Version: versionOf(r.ConfigFile), Device: device}
	if s := r.Summary; s != nil {
		m.Go, m.System, m.Device = s.Go, s.System, s.Backend
	}
	return m
}

// reached is the number of steps after which the repeated run has all that the directory has.
func (o *Original) reached() int {
	s, last := o.Summary, 0
	if len(o.Trajectory) > 0 {
		last = o.Trajectory[len(o.Trajectory)-1].Iteration
	}
	switch {
	case s == nil:
		return last
	case s.Status != solver.Canceled:
		return o.Config.Iterations
	case s.Kept == "best": // the iterate of the interruption was not measured, so it cannot be the best
		return last
	}
	return s.Steps
}

// Difference is a number of a run that is another one in the run done again.
type Difference struct {
	// File has the number: trajectory.csv, factor.npy and so on.
	File string
	// Iteration is that of the iterate.
	Iteration int
	// Name says which number it is: a column of trajectory.csv, or an entry of a matrix as in "entry (2, 7)".
	Name string
	// Recorded is the number in the file, and Repeated that of the run done again. Either may be NaN.
	Recorded, Repeated float64
}

// Relative is |a − b| / max(|a|, |b|); infinite if one of the numbers is unknown or infinite.
func (d Difference) Relative() float64 {
	if d.Recorded == d.Repeated { // 0 and −0, which have other bits
		return 0
	}
	size := math.Abs(d.Recorded-d.Repeated) / max(math.Abs(d.Recorded), math.Abs(d.Repeated))
	if math.IsNaN(size) {
		return math.Inf(1)
	}
	return size
}

// Comparison is what came out of doing a run again.
type Comparison struct {
	By, Again Maker
	// Samples is how many measured iterates were compared, and Files are the matrices that were: none if the
	// run has not ended.
	Samples int
	Files   []string
	// Endings has how the run ended and how it ended again, if that differs; or another result of the two.
	Endings []string
	// First and Greatest are the first difference and the one of the greatest relative size; nil if every
	// number is the same to the bit.
	First, Greatest *Difference
}

// Identical says whether all that was compared is the same, to the bit.
func (c *Comparison) Identical() bool { return c.First == nil && len(c.Endings) == 0 }

// Reasons lists why the last bits may differ although nothing is wrong: only what the documentation says.
func (c *Comparison) Reasons() (reasons []string) {
	a, b := c.By, c.Again
	if a.Device != b.Device {
		reasons = append(reasons, fmt.Sprintf("device %s adds in another order than device %s",
			b.Device, a.Device))
	}
	if a.System != b.System && a.System != "" {
		reasons = append(reasons, fmt.Sprintf("the run was made on %s and repeated on %s", a.System, b.System))
	}
	if a.Go != b.Go && a.Go != "" {
		reasons = append(reasons, fmt.Sprintf("the program was built by %s then and by %s now", a.Go, b.Go))
	}
	if a.Version != b.Version {
		reasons = append(reasons, fmt.Sprintf("the run was made by matsense %s and repeated by %s",
			a.Version, b.Version))
	}
	return reasons
}

// Add notes differences.
func (c *Comparison) Add(all ...Difference) {
	for _, d := range all {
		if c.First == nil {
			c.First = &d
		}
		if c.Greatest == nil || d.Relative() > c.Greatest.Relative() {
			c.Greatest = &d
		}
	}
}

// Verify does a run again and compares it with the original to the bit. The plan is of the configuration that
// [OpenOriginal] returned. It writes no file. differs hears of the first difference as soon as it is known.
// If ctx is done before the end, the error is ctx's.
func (p *Plan) Verify(
	ctx context.Context, o *Original, progress Progress, differs func(Difference),
) (*Comparison, error) {
	p.watch(Reading)
	d, err := p.Config.Load()
	if err != nil {
		return nil, err
	}
	start, err := p.Config.NewStart(d.Problem.Truth)
	if err != nil {
		return nil, err
	}
	c := &comparing{original: o, progress: progress, differs: differs, Comparison: &Comparison{
		By: o.By,
		Again: Maker{
			Version: p.host.Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
			Device: p.Backend.Name(),
		},
	}}
	settings := settingsOf(&p.Config, start, c)
	settings.Watch = p.Watch
	for _, n := range p.Notes {
		progress.Notice(n)
	}
	p.Notice = progress.Notice
	progress.Begin(o.Dir, 0, p.Config.Iterations)
	res, err := solver.Solve(ctx, d.Problem, p.Backend, p.Config.NewMethod(), settings)
	if err != nil {
		return nil, err
	}
	if res.Status == solver.Canceled {
		return nil, ctx.Err()
	}
	c.ending(res)
	return c.Comparison, c.factor(res)
}

// comparing is a recorder that compares the samples of a run with those of the original.
type comparing struct {
	*Comparison
	original *Original
	progress Progress
	differs  func(Difference)
	next     int // the place of the original's next sample
}

func (c *comparing) difference(d Difference) {
	if c.First == nil {
		c.differs(d)
	}
	c.Add(d)
}

// Record implements [solver.Recorder]. The run done again may have a sample where an interrupted original has
// none: the iterate that it was interrupted at.
func (c *comparing) Record(s solver.Sample) error {
	c.progress.Sample(s)
	t := c.original.Trajectory
	for ; c.next < len(t) && t[c.next].Iteration < s.Iteration; c.next++ {
		c.missing(t[c.next])
	}
	if c.next < len(t) && t[c.next].Iteration == s.Iteration {
		for _, d := range CompareSamples(t[c.next], s) {
			c.difference(d)
		}
		c.next++
		c.Samples++
	}
	return nil
}

// missing notes a sample of the original that the run done again has not.
func (c *comparing) missing(s solver.Sample) {
	c.difference(Difference{trajectoryFile, s.Iteration, "train_loss", s.TrainLoss, math.NaN()})
}

// ending compares how the two runs have ended, and notes samples that only the original has.
func (c *comparing) ending(res *solver.Result) {
	t := c.original.Trajectory
	for ; c.next < len(t); c.next++ {
		c.missing(t[c.next])
	}
	s := c.original.Summary
	if s == nil || s.Status == solver.Canceled {
		return
	}
	then := fmt.Sprintf("%s after %d steps", s.Status, s.Steps)
	if now := fmt.Sprintf("%s after %d steps", res.Status, res.Steps); now != then {
		c.Endings = []string{then, now}
	}
}

// factor compares the matrices of the factor.
func (c *comparing) factor(res *solver.Result) error {
	if c.original.Summary == nil {
		return nil
	}
	names := factorFiles(&c.original.Config)
	for i, u := range res.Factor {
		file, there := c.original.files[names[i]]
		if !there {
			return config.Usagef("%s has no %s: the run is not whole", c.original.Dir, names[i])
		}
		again, err := encodeMatrix(u)
		if err != nil {
			return err
		}
		c.Files = append(c.Files, names[i])
		if bytes.Equal(file, again) {
			continue
		}
		was, err := npy.DecodeMatrix(file)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(c.original.Dir, names[i]), err)
		}
		rows, cols := u.Dims()
		if r, s := was.Dims(); r != rows || s != cols {
			return fmt.Errorf("%s is %d × %d, and the run done again has %d × %d",
				filepath.Join(c.original.Dir, names[i]), r, s, rows, cols)
		}
		for k := range rows * cols {
			x, y := was.At(k/cols, k%cols), u.At(k/cols, k%cols)
			if math.Float64bits(x) != math.Float64bits(y) {
				entry := fmt.Sprintf("entry (%d, %d)", k/cols, k%cols)
				c.difference(Difference{names[i], res.Iteration, entry, x, y})
			}
		}
	}
	return nil
}

// CompareSamples lists the metrics and singular values that differ in a bit between a recorded sample and the
// same sample made again, but for times and metrics that follow from others. Unknown values are equal.
func CompareSamples(recorded, again solver.Sample) (all []Difference) {
	note := func(name string, a, b float64) {
		if math.Float64bits(a) != math.Float64bits(b) && !(math.IsNaN(a) && math.IsNaN(b)) {
			all = append(all, Difference{trajectoryFile, recorded.Iteration, name, a, b})
		}
	}
	for _, m := range columnsIf(func(m *solver.Metric) bool { return !m.Clock }) {
		note(m.Name, m.Of(&recorded), m.Of(&again))
	}
	for i := range max(len(recorded.Sigma), len(again.Sigma)) {
		at := func(sigma []float64) float64 {
			if i < len(sigma) {
				return sigma[i]
			}
			return math.NaN()
		}
		note(fmt.Sprintf("sigma_%d", i+1), at(recorded.Sigma), at(again.Sigma))
	}
	return all
}
