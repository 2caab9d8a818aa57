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
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/lockfile"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// Options say where a run goes, and what may be there already.
type Options struct {
	Dir    string // the run directory
	Fresh  bool   // if Dir exists, use Dir-2, Dir-3, …
	Force  bool   // replace the run in Dir
	Resume bool   // go on with the run in Dir
}

// Files of a run directory.
const (
	configFile = "config.yaml"
	lockFile   = ".lock" // held by the process that runs in the directory
)

// versionMark begins the first line of config.yaml, before the version of the program.
const versionMark = "# matsense "

// takeDir takes a run directory for this process alone, until release is called. It refuses a directory that
// must not be written to, and then leaves nothing behind. release removes the directory if takeDir made it
// and it is still empty.
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
	unlock, err := lockfile.Take(filepath.Join(dir, lockFile))
	if errors.Is(err, lockfile.ErrHeld) {
		return "", nil, config.Usagef("--out %s is in use: another process is running there", dir)
	}
	if err != nil {
		return "", nil, config.Usagef("--out %s cannot be used: %v", dir, err)
	}
	release = func() {
		unlock()
		if made {
			os.Remove(dir) // fails unless the directory is empty
		}
	}
	if !o.Fresh { // another process may have run here since the first check
		if err := p.checkDir(o); err != nil {
			release()
			return "", nil, err
		}
	}
	return dir, release, nil
}

// makeDir makes the run directory; with Fresh it adds a number to a name that is taken. made says whether the
// directory is new.
func makeDir(o Options) (dir string, made bool, err error) {
	if err := atomicfile.MakeDirs(filepath.Dir(o.Dir)); err != nil {
		return "", false, err
	}
	dir = o.Dir
	for i := 2; ; i++ {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			atomicfile.SyncDir(filepath.Dir(dir))
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

// checkDir refuses a directory that must not be written to. It writes nothing.
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
		return e.Name() == lockFile || strings.HasPrefix(e.Name(), atomicfile.Leftover) ||
			e.Name() == DataDir && DataIn(o.Dir, p.dataPaths())
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

// holdsRun says whether a directory holds a run, that is, a configuration.
func holdsRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, configFile))
	return err == nil
}

// checkResumable refuses to resume in a directory without a run.
func checkResumable(dir string) error {
	if holdsRun(dir) {
		return nil
	}
	return config.Usagef("there is no run in %s to resume: it has no %s", dir, configFile)
}

// keepsUserData refuses to replace a run if the new run reads data files in its directory, other than those
// in [DataDir].
func (p *Plan) keepsUserData(dir string) error {
	for _, f := range p.Config.DataFiles() {
		if isWithin(*f.Path, dir) && !DataIn(dir, []string{*f.Path}) {
			return config.Usagef("%s: %s lies in --out %s, which --force would replace: choose another --out",
				p.Config.At(f.Key), *f.Path, dir)
		}
	}
	return nil
}

// ResultFiles lists the files that a finished run may have, apart from its configuration and its checkpoints.
func ResultFiles() []string {
	files := []string{trajectoryFile, timesFile, summaryFile, factorFile, rightFile, "trajectory.svg",
		"trajectory.png", "report.html"}
	return append(files, layerFiles(config.MostDepth)...)
}

// Run is what a run directory holds.
type Run struct {
	Config config.Config
	// ConfigFile is the text of config.yaml.
	ConfigFile []byte
	Trajectory solver.Trajectory
	// Summary is nil if the run has not ended.
	Summary *Summary
	// Hashes has the SHA-256 of each data file that the run read, by key. [Open] does not know them.
	Hashes map[string]string
}

// Open reads a run directory.
func Open(dir string) (*Run, error) {
	r, err := openConfig(dir)
	if err != nil {
		return nil, err
	}
	r.Trajectory, err = readTrajectoryIn(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s yet: it is written with the first checkpoint", dir,
			trajectoryFile)
	}
	if err != nil {
		return nil, err
	}
	if r.Summary, err = ReadSummary(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return r, nil
}

// openConfig reads the configuration of a run directory.
func openConfig(dir string) (*Run, error) {
	r := &Run{}
	if !holdsRun(dir) {
		return nil, config.Usagef("%s is not a run directory: it has no %s", dir, configFile)
	}
	var err error
	if r.Config, err = config.ReadResolved(filepath.Join(dir, configFile)); err != nil {
		return nil, err
	}
	if r.ConfigFile, err = userfile.Read(filepath.Join(dir, configFile), config.MaxFile); err != nil {
		return nil, err
	}
	return r, nil
}

// ReadConfig reads the configuration of the run in a directory, and the version of the program that made it.
func ReadConfig(dir string) (version string, c config.Config, err error) {
	r, err := openConfig(dir)
	if err != nil {
		return "", c, err
	}
	return versionOf(r.ConfigFile), r.Config, nil
}

// versionOf is the version of the program that wrote a config.yaml, as its first line says.
func versionOf(text []byte) string {
	first, _, _ := strings.Cut(string(text), "\n")
	version, found := strings.CutPrefix(first, versionMark)
	if !found {
		return ""
	}
	return version
}

// ConfigForResume returns the configuration of the run in a directory, with the given changes. It refuses
// changes that would make it another run. The device may be another one of its kind. Data files may have
// other paths if their contents are the same; those that lie with the run directory in one folder, which was
// moved or copied, are found there.
func ConfigForResume(dir string, changes config.Config) (config.Config, error) {
	if err := checkResumable(dir); err != nil {
		return config.Default(), err
	}
	may := func(f config.Field) bool { return f.MayChange() }
	return configWith(dir, changes, may, "a resumed run may change")
}

// configWith returns the configuration of the run in a directory, with changes of the settings for which may
// is true; allowed begins the list of these in messages. It finds data files that were moved, and refuses
// those with other contents than the run has read.
func configWith(
	dir string, changes config.Config, may func(f config.Field) bool, allowed string,
) (config.Config, error) {
	c, err := config.ReadResolved(filepath.Join(dir, configFile))
	if err != nil {
		return c, err
	}
	if c.IsProgrammed() && changes.Program() == nil {
		return c, config.Usagef("the steps of the run in %s were taken by a program, which matsense run does "+
			"not have: resume it from Python with %s", dir, c.ResumeCall(dir))
	}
	c.SetProgram(changes.Program())
	var problems, free []string
	for _, f := range c.Applied() {
		if may(f) {
			free = append(free, f.Key)
		}
	}
	changes.MakePathsAbsolute()
	files, others := c.FilesNamed(), changes.FilesNamed()
	for _, f := range changes.Fields() {
		if !changes.Given(f.Key) || f.Key == "device" && f.String() == "auto" {
			continue
		}
		now, _ := c.Field(f.Key)
		if now.String() == f.String() {
			continue
		}
		moved := files[f.Key] && others[f.Key] // a data file, whose contents are compared below
		kind := config.DeviceKind(now.String())
		switch sameKind := f.Key == "device" && kind == config.DeviceKind(f.String()); {
		case may(f), moved, sameKind:
		case f.Key == "device":
			problems = append(problems, fmt.Sprintf("%s: the run in %s was last on device %s, and "+
				"another kind of device adds in another order: resume it with device %s",
				changes.At(f.Key), dir, now.String(), kind))
			continue
		default:
			problems = append(problems, fmt.Sprintf(
				"%s: the run in %s has %s %s; %s %s, and the paths of its data files",
				changes.At(f.Key), dir, f.Key, now.String(), allowed, strings.Join(free, ", ")))
			continue
		}
		if err := now.Set(f.String(), changes.At(f.Key)); err != nil {
			return c, err
		}
	}
	if len(problems) == 0 {
		problems = findData(&c, dir, func(key string) bool { return files[key] && changes.Given(key) })
	}
	if len(problems) > 0 {
		return c, &config.UsageError{Problems: problems}
	}
	return c, nil
}
