package experiment

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/lockfile"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// Progress watches a run.
type Progress interface {
	// Notice receives what a user should know.
	Notice(text string)
	// Begin is called before the measurements are made, with the run's directory, its first iteration and its
	// last.
	Begin(dir string, from, to int)
	// Sample receives each sample of the trajectory when it is taken.
	Sample(s solver.Sample)
}

// Outcome is a run that has ended.
type Outcome struct {
	*Run
	Dir string
}

// Run carries out a plan and writes its directory. The error is a [config.UsageError] if nothing was begun
// and the user can correct it.
func (p *Plan) Run(ctx context.Context, o Options, progress Progress) (*Outcome, error) {
	began := time.Now()
	dir, release, err := p.takeDir(o)
	if err != nil {
		return nil, err
	}
	defer release()
	o.Dir = dir
	d, err := p.load()
	if err != nil {
		return nil, err
	}
	for _, n := range append(slices.Clone(p.Notes), d.Notices...) {
		progress.Notice(n)
	}
	r := &running{plan: p, dir: o.Dir, progress: progress, id: p.identity(d), hashes: d.Hashes}
	r.live = r.newLive(began)
	defer func() {
		for _, release := range r.releases {
			release()
		}
	}()
	start, err := p.Config.NewStart(d.Problem.Truth)
	if err != nil {
		return nil, err
	}
	settings := r.settings(start)
	if o.Resume {
		if err := r.resume(&settings); err != nil {
			return nil, err
		}
	}
	if err := r.claim(o); err != nil {
		return nil, err
	}
	from := 0
	if settings.Resume != nil {
		from = settings.Resume.Iteration
	}
	r.live.state.From, r.live.state.Iteration = from, from
	r.live.begin(p.configText())
	defer r.live.end()
	settings.Opened = func(o solver.Opening) {
		for _, n := range openingNotes(&p.Config, o) {
			progress.Notice(n)
		}
	}
	p.Notice = progress.Notice
	progress.Begin(o.Dir, from, p.Config.Iterations)
	res, err := p.solve(ctx, d.Problem, settings)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("interrupted while the measurements and the start were being made: %w",
				err)
		}
		if r.kept > 0 {
			err = fmt.Errorf("%w; the checkpoint at iteration %d is intact: go on with --resume", err, r.kept)
		}
		return nil, err
	}
	if err := r.hold(); err != nil {
		return nil, err
	}
	r.live.makeRoom() // for the results
	s := summarize(p, d, res, r.trajectory)
	s.SecondsTotal = Number(time.Since(began).Seconds())
	if settings.Resume != nil {
		s.ResumedFrom = &from
	}
	out := &Outcome{Dir: o.Dir, Run: &Run{
		Config: p.Config, ConfigFile: p.configText(), Summary: s, Trajectory: r.trajectory,
		Hashes: d.Hashes,
	}}
	return out, atomicfile.Join(r.keepFailed, r.writeResults(s, res))
}

// claim prepares the directory that was taken: it removes what an earlier run left and writes the
// configuration.
func (r *running) claim(o Options) error {
	for _, dir := range []string{o.Dir, filepath.Join(o.Dir, checkpointDir)} {
		if err := atomicfile.RemoveLeftovers(dir); err != nil {
			return err
		}
	}
	// A resumed run keeps its trajectory and its checkpoints. Its other results would be out of date.
	old := ResultFiles()
	if o.Resume {
		old = slices.DeleteFunc(old, func(name string) bool {
			return name == trajectoryFile || name == timesFile
		})
	} else {
		old = append(old, checkpointDir)
		if err := r.replaceData(); err != nil {
			return err
		}
	}
	for _, name := range old {
		if err := os.RemoveAll(filepath.Join(o.Dir, name)); err != nil {
			return err
		}
	}
	return r.writeConfig()
}

// writeConfig writes the configuration, and which data files go with it.
func (r *running) writeConfig() error {
	if err := r.writeSources(); err != nil {
		return err
	}
	return r.write(configFile, func(w io.Writer) error {
		_, err := w.Write(r.plan.configText())
		return err
	})
}

// newLive returns what tells those who watch the run how far it has come.
func (r *running) newLive(began time.Time) *liveWriter {
	return &liveWriter{
		dir: r.dir, began: began, since: began, next: r.plan.Watch,
		state: Live{Activity: Reading, To: r.plan.Config.Iterations},
	}
}

// hold makes sure that the directory is still this run's before something is written there. If it was removed
// while the run went on, it is made again; if another run is there now, it is left alone.
func (r *running) hold() error {
	there, err := userfile.ReadOwn(filepath.Join(r.dir, configFile), config.MaxFile)
	switch {
	case err == nil && bytes.Equal(there, r.plan.configText()):
		return nil
	case err == nil:
		return fmt.Errorf("%s holds another run now: its directory was replaced while this run went on",
			r.dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := atomicfile.MakeDirs(r.dir); err != nil {
		return err
	}
	lock := filepath.Join(r.dir, lockFile)
	if _, err := os.Lstat(lock); errors.Is(err, fs.ErrNotExist) { // the lock that was taken is gone as well
		if release, err := lockfile.Take(lock); err == nil {
			r.releases = append(r.releases, release)
		}
	}
	r.progress.Notice(fmt.Sprintf("%s was removed while the run went on: it is made again", r.dir))
	return r.writeConfig()
}

// configText is the text of config.yaml: the version of the program, and the settings that apply.
func (p *Plan) configText() []byte {
	version := cmp.Or(p.host.Version, "(version unknown)")
	return append([]byte(versionMark+version+"\n"), p.Config.YAML()...)
}

// running is a run under way.
type running struct {
	plan       *Plan
	dir        string
	progress   Progress
	id         identity
	hashes     map[string]string // of the data files, by key
	trajectory solver.Trajectory
	keepFailed error    // why the last checkpoint could not be written; nil if it was
	failing    bool     // the last files that were to be kept could not be written, which was reported
	kept       int      // the iteration of the last checkpoint that was written
	releases   []func() // of locks that were taken since the run began
	live       *liveWriter
}

// settingsOf returns the solver's settings for a configuration. The recorder receives the samples.
func settingsOf(c *config.Config, start solver.Start, r solver.Recorder) solver.Settings {
	if !c.IsLinear() {
		r = estimates{r}
	}
	values, _ := c.CountSingularValues() // Validate refuses what is no number
	rank := c.Rank
	if c.HasComplexVectors() { // their S has each eigenvalue twice, and no first r* eigenvectors
		rank = 0
	}
	s := solver.Settings{
		Start: start, Iterations: c.Iterations, FactorRank: c.FactorRank, Rank: rank,
		MeasureEvery: c.MeasureEvery, SingularValues: values,
		Parametrization: c.NewParametrization(), Loss: c.NewLoss(), Recorder: r,
		KeepBest: c.KeepsBest(), Patience: c.Patience,
		KeepEvery: time.Duration(c.CheckpointEvery * float64(time.Second)),
	}
	if c.TargetLoss > 0 {
		s.Stopper = solver.LossBelow(c.TargetLoss)
	}
	return s
}

// estimates is a recorder for observations that are not linear in a matrix. They recover the truth only up to
// scale, so that an estimate has an arbitrary size. Losses, errors, signal and noise depend on the size and
// become unknown; angles do not and stay.
type estimates struct{ solver.Recorder }

// Record implements solver.Recorder.
func (e estimates) Record(s solver.Sample) error { return e.Recorder.Record(withoutSize(s)) }

// withoutSize makes the numbers of a sample unknown that depend on the size of an estimate.
func withoutSize(s solver.Sample) solver.Sample {
	unknown := math.NaN()
	s.TrainLoss, s.TestError, s.Signal, s.Noise = unknown, unknown, unknown, unknown
	s.TrainRMSE = unknown
	return s
}

// settings returns the solver's settings, with checkpoints.
func (r *running) settings(start solver.Start) solver.Settings {
	s := settingsOf(&r.plan.Config, start, r)
	s.Watch = r.live.watch
	s.Keep = r.keep
	return s
}

// resume has the solver continue from the last good checkpoint.
func (r *running) resume(s *solver.Settings) error {
	state, t, refused, err := readCheckpoint(r.dir, r.id)
	if err != nil {
		return err
	}
	for _, text := range refused {
		r.progress.Notice(text)
	}
	if state == nil {
		r.progress.Notice("there is no checkpoint yet: starting from the beginning")
		return nil
	}
	if state.Iteration > s.Iterations {
		return config.Usagef("%s: the checkpoint has %d iterations already, and %d are asked for",
			r.plan.Config.At("iterations"), state.Iteration, s.Iterations)
	}
	r.trajectory = before(t, state)
	s.Resume, r.kept = state, state.Iteration
	return nil
}

// before returns the samples that a run has when it goes on from a state. The solver measures the state's
// iterate again if a sample is due there. It is not due if the sample was taken because a shorter run ended
// there.
func before(t solver.Trajectory, state *solver.State) solver.Trajectory {
	return slices.DeleteFunc(t, func(x solver.Sample) bool { return x.Iteration >= state.Iteration })
}

// Record implements solver.Recorder.
func (r *running) Record(s solver.Sample) error {
	r.trajectory = append(r.trajectory, s)
	r.live.sampled(r.trajectory)
	r.progress.Sample(s)
	return nil
}

// keep writes a checkpoint and the trajectory so far. A failure, such as a full disk, is reported and does
// not end the run: the next checkpoint may succeed, and the last good one is still there.
func (r *running) keep(state solver.State) error {
	write := func() error {
		if err := r.hold(); err != nil {
			return err
		}
		return writeCheckpoint(r.dir, r.id, state, r.trajectory)
	}
	err := write()
	if err != nil && r.live.makeRoom() {
		err = write()
	}
	if err != nil {
		before := "there is none before it"
		if names, _ := listCheckpoints(filepath.Join(r.dir, checkpointDir)); len(names) > 0 {
			before = "the one before it is still there"
		}
		r.noteFailure(fmt.Sprintf("the checkpoint at iteration %d could not be written, and %s: %v",
			state.Iteration, before, err))
		r.keepFailed = &atomicfile.Unwritten{What: []string{"the last checkpoint"}, Err: err}
		return nil
	}
	r.kept, r.keepFailed = state.Iteration, nil
	if err := r.writeTrajectory(); err != nil { // it is written again at the end
		r.noteFailure(fmt.Sprintf("%v; the checkpoint at iteration %d was written, with the trajectory so "+
			"far", err, state.Iteration))
		return nil
	}
	r.failing = false
	r.live.again()
	return nil
}

// noteFailure reports the first of several failures in a row.
func (r *running) noteFailure(text string) {
	if !r.failing {
		r.progress.Notice(text)
	}
	r.failing = true
}

// writeTrajectory writes the trajectory so far, and its times.
func (r *running) writeTrajectory() error {
	return atomicfile.Join(
		r.write(trajectoryFile, func(w io.Writer) error { return WriteTrajectory(w, r.trajectory) }),
		r.write(timesFile, func(w io.Writer) error { return WriteTimes(w, r.trajectory) }),
	)
}

func (r *running) write(name string, fill func(io.Writer) error) error {
	if err := atomicfile.Write(filepath.Join(r.dir, name), fill); err != nil {
		return &atomicfile.Unwritten{What: []string{filepath.Join(r.dir, name)}, Err: err}
	}
	return nil
}

// writeResults writes the files of a finished run except its figures. If one fails, it still writes the
// others.
func (r *running) writeResults(s *Summary, res *solver.Result) error {
	return atomicfile.Join(
		r.writeTrajectory(),
		r.writeFactor(res.Factor),
		r.write(summaryFile, s.write),
	)
}

// writeFactor writes each matrix of a factor to a file.
func (r *running) writeFactor(f solver.Factor) error {
	names := factorFiles(&r.plan.Config)
	var failed error
	for i, u := range f {
		failed = errors.Join(failed, r.write(names[i], func(w io.Writer) error {
			content, err := encodeMatrix(u)
			if err != nil {
				return err
			}
			_, err = w.Write(content)
			return err
		}))
	}
	return failed
}
