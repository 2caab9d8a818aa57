package experiment

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/solver"
)

// Progress watches a run.
type Progress interface {
	// Notice is told what a user should know.
	Notice(text string)
	// Begin is told that the run begins in a directory, from one iteration to another: first the measurements
	// are made.
	Begin(dir string, from, to int)
	// Sample is told each measurement.
	Sample(s solver.Sample)
}

// Options say where a run goes.
type Options struct {
	Dir    string // the run directory
	Fresh  bool   // where Dir is taken, use Dir-2 and so on
	Force  bool   // replace a run that is there
	Resume bool   // go on with the run that is there
}

// Outcome is a run that has ended.
type Outcome struct {
	*Run
	Dir string
}

// Run carries out a plan and writes its directory. The error is a [config.UsageError] where nothing was begun
// and the user can mend it.
func (p *Plan) Run(ctx context.Context, o Options, progress Progress) (*Outcome, error) {
	began := time.Now()
	dir, release, err := p.takeDir(o)
	if err != nil {
		return nil, err
	}
	defer release()
	o.Dir = dir
	d, err := p.Config.Load()
	if err != nil {
		return nil, err
	}
	for _, n := range append(slices.Clone(p.Notes), d.Notices...) {
		progress.Notice(n)
	}
	r := &running{plan: p, dir: o.Dir, progress: progress, id: p.identity(d)}
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
	p.Notice = progress.Notice
	progress.Begin(o.Dir, from, p.Config.Iterations)
	res, err := solver.Solve(ctx, d.Problem, p.Backend, p.Config.NewMethod(), settings)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("interrupted while the measurements were being made: %w", err)
		}
		if r.kept > 0 {
			err = fmt.Errorf("%w; the checkpoint at iteration %d is intact: go on with --resume", err, r.kept)
		}
		return nil, err
	}
	s := summarize(p, d, res, r.trajectory)
	s.SecondsTotal = Number(time.Since(began).Seconds())
	if settings.Resume != nil {
		s.ResumedFrom = &from
	}
	out := &Outcome{Dir: o.Dir, Run: &Run{
		Config: p.Config, ConfigFile: p.configText(), Summary: s, Trajectory: r.trajectory,
	}}
	return out, errors.Join(r.keepFailed, r.writeResults(s, res))
}

// claim makes the directory, which has been taken, this run's: its configuration is written, and what an
// earlier run left is removed.
func (r *running) claim(o Options) error {
	if err := removeLeftovers(o.Dir); err != nil {
		return err
	}
	// What a resumed run will write anew would be old until then.
	old := ResultFiles()
	if o.Resume {
		old = slices.DeleteFunc(old, func(name string) bool { return name == trajectoryFile })
	} else {
		old = append(old, checkpointDir)
	}
	for _, name := range old {
		if err := os.RemoveAll(filepath.Join(o.Dir, name)); err != nil {
			return err
		}
	}
	return r.write(configFile, func(w io.Writer) error {
		_, err := w.Write(r.plan.configText())
		return err
	})
}

// configText is the text of config.yaml: the version of the program, and the settings that apply.
func (p *Plan) configText() []byte {
	version := cmp.Or(p.host.Version, "(version unknown)")
	return append([]byte("# matsense "+version+"\n"), p.Config.YAML()...)
}

// identity is that of the run's checkpoints. On the host the bits are the same with any processor and any
// number of workers, and on GPUs with any model.
func (p *Plan) identity(d *config.Data) identity {
	id := identity{p.fingerprint(d), build()}
	if p.Backend.Name() != "cpu" {
		id.madeBy += " " + p.Backend.Name()
	}
	return id
}

// fingerprint identifies what decides the bits of a trajectory: the configuration without the settings that
// change no bits and without the number of iterations, and the contents of the data files.
func (p *Plan) fingerprint(d *config.Data) string {
	h := sha256.New()
	for _, f := range p.Config.Used() {
		switch {
		case f.MayChange():
		case d.Hashes[f.Key] != "":
			fmt.Fprintf(h, "%s: sha256 %s\n", f.Key, d.Hashes[f.Key])
		default:
			fmt.Fprintf(h, "%s: %s\n", f.Key, f.String())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// running is a run under way.
type running struct {
	plan       *Plan
	dir        string
	progress   Progress
	id         identity
	trajectory solver.Trajectory
	keepFailed error // why the last checkpoint could not be written
	kept       int   // the iteration of the last one that was
}

// settingsOf are the solver's settings of a configuration, with what is told its samples.
func settingsOf(c *config.Config, start solver.Start, r solver.Recorder) solver.Settings {
	if !c.IsLinear() {
		r = estimates{r}
	}
	s := solver.Settings{
		Start: start, Iterations: c.Iterations, FactorRank: c.FactorRank, MeasureEvery: c.MeasureEvery,
		Rank: c.Rank, Parametrization: c.NewParametrization(), Recorder: r,
	}
	if c.TargetLoss > 0 {
		s.Stopper = solver.LossBelow(c.TargetLoss)
	}
	return s
}

// estimates passes on what means something of estimates from observations that are not linear in a matrix:
// angles. Losses, errors and the parts of a factor along and off the truth compare sizes, and the size of an
// estimate is arbitrary.
type estimates struct{ solver.Recorder }

// Record implements solver.Recorder.
func (e estimates) Record(s solver.Sample) error {
	unknown := math.NaN()
	s.TrainLoss, s.TestError, s.Signal, s.Noise = unknown, unknown, unknown, unknown
	return e.Recorder.Record(s)
}

// settings has the run watched and kept.
func (r *running) settings(start solver.Start) solver.Settings {
	s := settingsOf(&r.plan.Config, start, r)
	s.Keep = r.keep
	s.KeepEvery = time.Duration(r.plan.Config.CheckpointEvery * float64(time.Second))
	return s
}

// resume finds the last good checkpoint.
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
	// The iterate that the checkpoint holds is measured again if it is due; it may have been the last of a
	// shorter run, and is not due then.
	r.trajectory = slices.DeleteFunc(t, func(x solver.Sample) bool { return x.Iteration >= state.Iteration })
	s.Resume, r.kept = state, state.Iteration
	return nil
}

// Record implements solver.Recorder.
func (r *running) Record(s solver.Sample) error {
	r.trajectory = append(r.trajectory, s)
	r.progress.Sample(s)
	return nil
}

// keep writes a checkpoint and the trajectory so far. A failure (a full disk, say) is told and does not end
// the run: the next checkpoint may succeed, and the last good one is still there.
func (r *running) keep(state solver.State) error {
	err := writeCheckpoint(r.dir, r.id, state, r.trajectory)
	if err == nil {
		err = r.write(trajectoryFile, r.writeTrajectory)
	}
	if err != nil && r.keepFailed == nil { // told once, until one succeeds
		before := "there is none before it"
		if names, _ := listCheckpoints(filepath.Join(r.dir, checkpointDir)); len(names) > 0 {
			before = "the one before it is still there"
		}
		r.progress.Notice(fmt.Sprintf("the checkpoint at iteration %d could not be written, and %s: %v",
			state.Iteration, before, err))
	}
	if err != nil {
		err = fmt.Errorf("the last checkpoint could not be written: %w", err)
	} else {
		r.kept = state.Iteration
	}
	r.keepFailed = err
	return nil
}

func (r *running) writeTrajectory(w io.Writer) error { return WriteTrajectory(w, r.trajectory) }

func (r *running) write(name string, fill func(io.Writer) error) error {
	if err := atomicfile.Write(filepath.Join(r.dir, name), fill); err != nil {
		return fmt.Errorf("%s could not be written: %w", filepath.Join(r.dir, name), err)
	}
	return nil
}

// writeResults writes everything that a run ends with but its figures. It writes all it can.
func (r *running) writeResults(s *Summary, res *solver.Result) error {
	return errors.Join(
		r.write(trajectoryFile, r.writeTrajectory),
		r.writeFactor(res.Factor),
		r.write(summaryFile, s.write),
	)
}

// writeFactor writes a factor, each of its matrices to a file.
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
