package sweep

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/livefile"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// Live is what a process that carries out a part of a sweep tells of itself. It is rewritten every 1 to 5
// seconds and removed at the end.
type Live struct {
	// Beat counts how often the file was written.
	Beat     int             `json:"beat"`
	Activity solver.Activity `json:"activity"`
	// Part of Parts, from 1, is the part of the sweep; Runs is how many runs the part has, and Done how many
	// of them are recorded.
	Part  int `json:"part"`
	Parts int `json:"parts"`
	Runs  int `json:"runs"`
	Done  int `json:"done"`
	// UnderWay is how many runs take steps now, and Least and Greatest the least and the greatest iteration
	// that they have reached.
	UnderWay int `json:"under_way"`
	Least    int `json:"least_iteration"`
	Greatest int `json:"greatest_iteration"`
	// Share is how much of the part's work is done, from 0 to 1.
	Share experiment.Number `json:"share"`
	// Seconds is the time since this process began. Rate and Left are unknown before anything is done.
	Seconds experiment.Number `json:"seconds"`
	Rate    experiment.Number `json:"runs_per_second"`
	Left    experiment.Number `json:"seconds_left"`
	livefile.Process
}

// liveName is the name of a part's file, like that of its lock.
func liveName(part NamedPart) string {
	return livefile.Prefix + strings.TrimPrefix(lockName(part), lockPrefix) + ".json"
}

// LiveFiles lists the files in a sweep's directory by which its processes are watched.
func LiveFiles(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir) // what cannot be read has none
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), livefile.Prefix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// ReadLive reads such a file.
func ReadLive(path string) (*Live, error) {
	text, err := userfile.ReadOwn(path, maxText)
	if err != nil {
		return nil, err
	}
	l := new(Live)
	return l, json.Unmarshal(text, l)
}

// liveWriter writes the file of a part under way.
type liveWriter struct {
	plan  *Plan
	path  string
	began time.Time
	stop  func()

	mu       sync.Mutex
	state    Live
	first    int // how many runs were done when the process began
	underWay UnderWay
}

// beginLive writes a part's file in the sweep's directory until end is called. It removes what killed
// processes have left: this part's file, and those of other divisions, of which no process is at work.
func (p *Plan) beginLive(dir string, done int) *liveWriter {
	w := &liveWriter{plan: p, path: filepath.Join(dir, liveName(p.NamedPart)), began: time.Now(), first: done,
		underWay: UnderWay{}}
	w.state = Live{Activity: experiment.Reading, Part: p.Shard + 1, Parts: p.Shards, Runs: p.Count(),
		Done: done}
	for _, path := range LiveFiles(dir) {
		same := p.Shards > 1 && strings.HasSuffix(path, fmt.Sprintf("-of-%d.json", p.Shards))
		if path == w.path || !same {
			os.Remove(path)
		}
	}
	w.stop = livefile.Start(w.beat)
	return w
}

// end removes the file, unless another sweep has the directory by now.
func (w *liveWriter) end() {
	w.stop()
	if w.holds() {
		os.Remove(w.path)
	}
}

// holds says whether the directory is still the sweep's.
func (w *liveWriter) holds() bool { return w.plan.stillIn(filepath.Dir(w.path)) == nil }

// group hears of the runs of a group, and passes on what it hears.
func (w *liveWriter) group(g *experiment.Group, runs []Run) {
	next := g.Watch
	g.Watch = func(i int, a solver.Activity, iteration int) {
		w.watch(runs[i], a, iteration)
		if next != nil {
			next(i, a, iteration)
		}
	}
}

func (w *liveWriter) watch(r Run, a solver.Activity, iteration int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Activity = a
	w.underWay.Watch(r, a, iteration)
}

// recorded hears that a run has ended.
func (w *liveWriter) recorded(run int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Done++
	delete(w.underWay, run)
}

// beat writes the file.
func (w *liveWriter) beat(number int) {
	if !w.holds() {
		return
	}
	w.mu.Lock()
	state := w.state
	state.UnderWay = len(w.underWay)
	state.Least, state.Greatest, _, _ = w.underWay.Range()
	share := w.underWay.Share(state.Done, state.Runs)
	w.mu.Unlock()
	state.Beat, state.Process = number, livefile.Self()
	runs := float64(max(state.Runs, 1))
	seconds, before := time.Since(w.began).Seconds(), float64(w.first)/runs
	state.Seconds, state.Share = experiment.Number(seconds), experiment.Number(share)
	state.Rate, state.Left = unknown, unknown
	if share > before { // what was there already took no time now
		state.Rate = experiment.Number((share - before) * runs / seconds)
		state.Left = experiment.Number(seconds * (1 - share) / (share - before))
	}
	livefile.Write(w.path, state)
}
