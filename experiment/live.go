package experiment

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/livefile"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// The files by which a run under way is watched. They are removed when it ends, so that equal runs have equal
// files; those of a process that was killed stay until the run is resumed.
const (
	LiveFile           = livefile.Prefix + ".json"
	liveTrajectoryFile = livefile.Prefix + ".csv"
)

// LiveSamples is the largest number of samples that are written for those who watch.
const LiveSamples = 1000

// Live is what a run under way tells of itself. It is rewritten every 1 to 5 seconds.
type Live struct {
	// Beat counts how often the file was written.
	Beat     int             `json:"beat"`
	Activity solver.Activity `json:"activity"`
	// ActivitySeconds is how long that has gone on.
	ActivitySeconds Number `json:"activity_seconds"`
	Iteration       int    `json:"iteration"`
	From            int    `json:"from_iteration"`
	To              int    `json:"to_iteration"`
	// Seconds is the time since this process began the run.
	Seconds Number `json:"seconds"`
	// Rate is unknown before the first step.
	Rate Number `json:"steps_per_second"`
	Left Number `json:"seconds_left"`
	// Samples is how many samples were taken, and Last the metrics of the last one; nil before the first.
	Samples int      `json:"samples"`
	Last    *Metrics `json:"last_sample"`
	livefile.Process
}

// liveWriter writes the files of a run under way.
type liveWriter struct {
	dir    string
	config []byte // of the run; another configuration in the directory is another run
	began  time.Time
	next   func(a solver.Activity, iteration int)
	stop   func()

	files   sync.Mutex // held while the files are written
	written int        // the length of the trajectory that was written last
	full    bool       // the disk has no room for the trajectory

	mu         sync.Mutex
	state      Live
	since      time.Time // when the activity began
	stepping   time.Time // when the first step was begun; zero before
	trajectory solver.Trajectory
}

// watch hears what the run does, and tells the next one who listens.
func (w *liveWriter) watch(a solver.Activity, iteration int) {
	w.mu.Lock()
	if a != w.state.Activity {
		w.state.Activity, w.since = a, time.Now()
	}
	if a == solver.Stepping && w.stepping.IsZero() {
		w.stepping, w.state.From = time.Now(), iteration
	}
	w.state.Iteration = iteration
	w.mu.Unlock()
	if w.next != nil {
		w.next(a, iteration)
	}
}

// sampled hears of the trajectory so far, whose samples are not changed any more.
func (w *liveWriter) sampled(t solver.Trajectory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trajectory = t
}

// begin writes the files of a run with the given configuration until end is called.
func (w *liveWriter) begin(config []byte) {
	w.config = config
	removeLive(w.dir)
	w.stop = livefile.Start(w.beat)
}

// end removes the files, unless another run has them by now.
func (w *liveWriter) end() {
	w.stop()
	if w.holds() {
		removeLive(w.dir)
	}
}

// makeRoom removes the trajectory for those who watch, since what the run has to keep needs the room. Until
// again is called it is not written any more. It says whether there was one.
func (w *liveWriter) makeRoom() bool {
	w.files.Lock()
	defer w.files.Unlock()
	w.full, w.written = true, 0
	return w.holds() && os.Remove(filepath.Join(w.dir, liveTrajectoryFile)) == nil
}

// again says that there is room again.
func (w *liveWriter) again() {
	w.files.Lock()
	defer w.files.Unlock()
	w.full = false
}

// holds says whether the directory is still the run's.
func (w *liveWriter) holds() bool {
	there, err := userfile.ReadOwn(filepath.Join(w.dir, configFile), config.MaxFile)
	return err == nil && bytes.Equal(there, w.config)
}

func removeLive(dir string) {
	for _, name := range []string{LiveFile, liveTrajectoryFile} {
		os.Remove(filepath.Join(dir, name))
	}
}

// beat writes the files.
func (w *liveWriter) beat(number int) {
	w.files.Lock()
	defer w.files.Unlock()
	if !w.holds() {
		return
	}
	w.mu.Lock()
	state, t, since, stepping := w.state, w.trajectory, w.since, w.stepping
	w.mu.Unlock()
	state.Beat, state.Samples, state.Process = number, len(t), livefile.Self()
	state.Seconds = Number(time.Since(w.began).Seconds())
	state.ActivitySeconds = Number(time.Since(since).Seconds())
	state.Rate, state.Left = Number(math.NaN()), Number(math.NaN())
	if steps := state.Iteration - state.From; steps > 0 && !stepping.IsZero() {
		state.Rate = Number(float64(steps) / time.Since(stepping).Seconds())
		state.Left = Number(float64(state.To-state.Iteration) / float64(state.Rate))
	}
	if len(t) > 0 {
		last := MetricsOf(t[len(t)-1])
		state.Last = &last
	}
	if len(t) != w.written && !w.full {
		err := atomicfile.WriteFleeting(filepath.Join(w.dir, liveTrajectoryFile), func(out io.Writer) error {
			return WriteTrajectory(out, thinned(t))
		})
		if err == nil {
			w.written = len(t)
		}
	}
	livefile.Write(filepath.Join(w.dir, LiveFile), state)
}

// thinned returns at most [LiveSamples] samples: half of them evenly spaced, and half closer together towards
// the start, where a run from a small start changes most on a logarithmic axis.
func thinned(t solver.Trajectory) solver.Trajectory {
	if len(t) <= LiveSamples {
		return t
	}
	const half = LiveSamples / 2
	last := len(t) - 1
	wanted := make([]bool, len(t))
	for i := range half {
		wanted[i*last/(half-1)] = true
		wanted[int(math.Pow(float64(last), float64(i)/(half-1)))] = true
	}
	wanted[last] = true
	var kept solver.Trajectory
	for i, keep := range wanted {
		if keep {
			kept = append(kept, t[i])
		}
	}
	return kept
}

// ReadLive reads what a run under way tells of itself.
func ReadLive(dir string) (*Live, error) {
	text, err := userfile.ReadOwn(filepath.Join(dir, LiveFile), maxState)
	if err != nil {
		return nil, err
	}
	l := new(Live)
	if err := json.Unmarshal(text, l); err != nil {
		return nil, err
	}
	return l, nil
}

// Watch reads a run directory as [Open] does, but whatever the run has so far: there may be no trajectory
// yet, and while the run goes on its trajectory is the thinned one that it writes for those who watch.
func Watch(dir string) (*Run, error) {
	r, err := openConfig(dir)
	if err != nil {
		return nil, err
	}
	if r.Summary, err = ReadSummary(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole, err := readTrajectoryIn(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	r.Trajectory = whole
	if r.Summary != nil {
		return r, nil
	}
	live, err := readTrajectoryFile(filepath.Join(dir, liveTrajectoryFile))
	if err == nil && reaches(live) > reaches(whole) {
		r.Trajectory = live
	}
	return r, nil
}

// reaches is the iteration of the last sample; -1 without one.
func reaches(t solver.Trajectory) int {
	if len(t) == 0 {
		return -1
	}
	return t[len(t)-1].Iteration
}
