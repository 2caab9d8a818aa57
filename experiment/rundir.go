package experiment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/lockfile"
	"github.com/matsense/matsense/solver"
)

// The files of a run directory, beside checkpoint/.
const (
	configFile  = "config.yaml"
	summaryFile = "summary.json"
	factorFile  = "factor.npy"
	rightFile   = "factor-right.npy" // V, of two factors
	lockFile    = ".lock"            // held by the process that runs here
)

// takeDir takes a run directory for this process alone, for as long as release is not called. It refuses one
// that must not be written to, and leaves nothing behind where it refuses. release removes the directory
// again if it was made here and is still empty.
func (p *Plan) takeDir(o Options) (dir string, release func(), err error) {
	if !o.Fresh {
		if err := p.checkDir(o); err != nil {
			return "", nil, err
		}
	}
	dir, made, err := makeDir(o)
	if err != nil {
		return "", nil, config.Usagef("--out %s cannot be made: %v", o.Dir, err)
	}
	unlock, taken := lockfile.Take(filepath.Join(dir, lockFile))
	if !taken {
		return "", nil, config.Usagef("--out %s is in use: another process is running there", dir)
	}
	release = func() {
		unlock()
		if made {
			os.Remove(dir) // which it is not, unless it is empty
		}
	}
	if !o.Fresh { // another process may have come and gone
		if err := p.checkDir(o); err != nil {
			release()
			return "", nil, err
		}
	}
	return dir, release, nil
}

// makeDir makes the run directory, or one with a number behind its name, and says whether it was not there.
func makeDir(o Options) (dir string, made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(o.Dir), 0o755); err != nil {
		return "", false, err
	}
	dir = o.Dir
	for i := 2; ; i++ {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return dir, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", false, err
		}
		if !o.Fresh {
			return dir, false, nil
		}
		dir = fmt.Sprintf("%s-%d", o.Dir, i)
	}
}

// checkDir refuses a directory that must not be written to.
func (p *Plan) checkDir(o Options) error {
	if o.Resume {
		return checkResumable(o.Dir)
	}
	isRun := holdsRun(o.Dir)
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return config.Usagef("--out %s cannot be used: %v", o.Dir, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == lockFile || strings.HasPrefix(e.Name(), leftover)
	})
	switch {
	case len(entries) == 0:
		return nil
	case isRun && o.Force:
		return p.keepsUserData(o.Dir)
	case isRun:
		return config.Usagef("--out %s holds a run already: --resume goes on with it, --force replaces it",
			o.Dir)
	}
	return config.Usagef("--out %s exists, is not empty and holds no run: choose another", o.Dir)
}

// holdsRun says whether a directory is a run's: it has a configuration.
func holdsRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, configFile))
	return err == nil
}

func checkResumable(dir string) error {
	if holdsRun(dir) {
		return nil
	}
	return config.Usagef("there is no run in %s to resume: it has no %s", dir, configFile)
}

// keepsUserData refuses to replace a run whose files this one reads.
func (p *Plan) keepsUserData(dir string) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for _, f := range p.Config.DataFiles() {
		if inside, err := filepath.Rel(absolute, *f.Path); *f.Path != "" && err == nil &&
			filepath.IsLocal(inside) {
			return config.Usagef("%s: %s lies in --out %s, which --force would replace: choose another --out",
				p.Config.At(f.Key), *f.Path, dir)
		}
	}
	return nil
}

// ResultFiles lists the files that a finished run has, but for its configuration and its checkpoints.
func ResultFiles() []string {
	files := []string{trajectoryFile, summaryFile, factorFile, rightFile, "trajectory.svg", "trajectory.png",
		"report.html"}
	return append(files, layerFiles(config.MostDepth)...)
}

// factorFiles names the files of the last iterate's matrices.
func factorFiles(c *config.Config) []string {
	if c.Depth > 0 {
		return layerFiles(c.Depth)
	}
	return []string{factorFile, rightFile}
}

// layerFiles names those of a product of many matrices.
func layerFiles(depth int) []string {
	var names []string
	for j := range depth {
		names = append(names, fmt.Sprintf("factor-%d.npy", j+1))
	}
	return names
}

// Run is what a run's directory says.
type Run struct {
	Config config.Config
	// ConfigFile is the text of config.yaml.
	ConfigFile []byte
	Trajectory solver.Trajectory
	// Summary is nil where the run has not ended.
	Summary *Summary
}

// Open reads a run's directory.
func Open(dir string) (*Run, error) {
	r := &Run{}
	if !holdsRun(dir) {
		return nil, config.Usagef("%s is not a run directory: it has no %s", dir, configFile)
	}
	var err error
	if r.Config, err = config.ReadResolved(filepath.Join(dir, configFile)); err != nil {
		return nil, err
	}
	if r.ConfigFile, err = os.ReadFile(filepath.Join(dir, configFile)); err != nil {
		return nil, err
	}
	r.Trajectory, err = readTrajectoryFile(filepath.Join(dir, trajectoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s yet: it is written with the first checkpoint", dir,
			trajectoryFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if r.Summary, err = readSummary(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return r, nil
}

// ConfigForResume returns the configuration of the run in a directory with the changes that a resumed run may
// have, and refuses others: it would not be the same run.
func ConfigForResume(dir string, changes config.Config) (config.Config, error) {
	if err := checkResumable(dir); err != nil {
		return config.Default(), err
	}
	c, err := config.ReadResolved(filepath.Join(dir, configFile))
	if err != nil {
		return c, err
	}
	var problems, free []string
	for _, f := range c.Fields() {
		if f.MayChange() {
			free = append(free, f.Key)
		}
	}
	changes.MakePathsAbsolute()
	for _, f := range changes.Fields() {
		if !changes.Given(f.Key) || f.Key == "device" && f.String() == "auto" {
			continue
		}
		now, _ := c.Field(f.Key)
		if now.String() == f.String() {
			continue
		}
		if !f.MayChange() {
			problems = append(problems, fmt.Sprintf("%s: the run in %s has %s %s; a resumed run may change "+
				"%s alone",
				changes.At(f.Key), dir, f.Key, now.String(), strings.Join(free, ", ")))
			continue
		}
		if err := now.Set(f.String(), changes.At(f.Key)); err != nil {
			return c, err
		}
	}
	if len(problems) > 0 {
		return c, &config.UsageError{Problems: problems}
	}
	return c, nil
}
