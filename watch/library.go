package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/view"
)

// maxRecords is how many bytes of records are read into memory for the page of a sweep.
const maxRecords = 256 << 20

// library makes the pages of a directory, and remembers what it has read as long as the files stay the same.
type library struct {
	dir   string
	limit time.Duration // of silence
	signs signs

	mu     sync.Mutex
	runs   map[string]*knownRun
	sweeps map[string]*knownSweep
}

// knownRun is what a list shows of a run, as long as its files have the same stamp.
type knownRun struct {
	stamp string
	view.WatchedRun
	err error
}

// knownSweep is what is known of a sweep. The plan follows from sweep.yaml alone, and the counts grow.
type knownSweep struct {
	spec, records string // stamps
	plan          *sweep.Plan
	about         string
	tally         sweep.Tally
	err           error
	reading       sync.Mutex // a plan is used by one reader at a time
}

func newLibrary(dir string, silence time.Duration, now func() time.Time) *library {
	return &library{dir: dir, limit: silence, signs: signs{now: now}, runs: map[string]*knownRun{},
		sweeps: map[string]*knownSweep{}}
}

// at is the path of a place in the file system.
func (l *library) at(rel string) string { return filepath.Join(l.dir, filepath.FromSlash(rel)) }

// life says whether the process that writes a file is alive.
func (l *library) life(path string, beat int, gone bool) view.Life {
	info, err := os.Lstat(path)
	if err != nil {
		return view.Life{Gone: gone, Silent: l.limit}
	}
	silent := l.signs.silence(path, info.ModTime(), beat)
	return view.Life{Alive: !gone && silent < l.limit, Silent: silent, Gone: gone}
}

// run returns what a list shows of a run.
func (l *library) run(rel string) (*view.WatchedRun, error) {
	dir := l.at(rel)
	text, changed, err := stamp(dir, runFiles)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.runs[rel]
	if known == nil || known.stamp != text {
		known = &knownRun{stamp: text}
		known.WatchedRun, known.err = readRun(dir, known, l.runs[rel])
		known.Changed = changed
		l.runs[rel] = known
	}
	if known.err != nil {
		return nil, known.err
	}
	w := known.WatchedRun
	if w.Live != nil {
		w.Life = l.life(filepath.Join(dir, experiment.LiveFile), w.Live.Beat, w.Live.Gone())
	}
	return &w, nil
}

// readRun reads what a list shows of a run.
func readRun(dir string, known, before *knownRun) (w view.WatchedRun, err error) {
	// The configuration of a run never changes while it goes on, and is what takes most time to read.
	sameConfig := before != nil && before.err == nil &&
		strings.SplitN(before.stamp, ";", 2)[0] == strings.SplitN(known.stamp, ";", 2)[0]
	if sameConfig {
		w.Config = before.Config
	} else {
		if err := regular(filepath.Join(dir, "config.yaml")); err != nil {
			return w, err
		}
		c, err := config.ReadResolved(filepath.Join(dir, "config.yaml"))
		if err != nil {
			return w, err
		}
		w.Config = &c
	}
	if w.Summary, err = experiment.ReadSummary(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, err
	}
	if w.Live, err = experiment.ReadLive(dir); err != nil {
		w.Live = nil // there is none, or it is not ours
	}
	return w, nil
}

// sweep returns what a list shows of a sweep, and its plan.
func (l *library) sweep(rel string) (*view.WatchedSweep, *knownSweep, error) {
	dir := l.at(rel)
	spec, changed, err := stamp(dir, []string{sweep.SpecFile})
	if err != nil {
		return nil, nil, err
	}
	records, grown, err := stamp(filepath.Join(dir, "runs"), names(filepath.Join(dir, "runs")))
	if err != nil {
		return nil, nil, err
	}
	if grown.After(changed) {
		changed = grown
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.sweeps[rel]
	if known == nil || known.spec != spec {
		known = &knownSweep{spec: spec}
		if known.plan, known.err = sweep.Open(dir); known.err == nil {
			known.about = view.SweepAbout(known.plan.Spec, known.plan.Runs)
		}
		l.sweeps[rel] = known
	}
	if known.err != nil {
		return nil, nil, known.err
	}
	if known.records != records {
		if err := known.tally.Update(dir); err != nil {
			return nil, nil, err
		}
		known.records = records
	}
	w := &view.WatchedSweep{Runs: len(known.plan.Runs), Changed: changed, About: known.about}
	w.Recorded, w.Failed, w.Diverged = known.tally.Counts()
	for _, path := range sweep.LiveFiles(dir) {
		live, err := sweep.ReadLive(path)
		if err != nil {
			continue // it has just been removed, or it is not ours
		}
		w.Live = append(w.Live, live)
		w.Lives = append(w.Lives, l.life(path, live.Beat, live.Gone()))
		if info, err := os.Lstat(path); err == nil && info.ModTime().After(w.Changed) {
			w.Changed = info.ModTime()
		}
	}
	return w, known, nil
}

// names lists the files in a folder, which need not exist.
func names(folder string) (names []string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// link is the link to a place.
func link(rel string) report.Link {
	if rel == "." {
		return report.Link{Text: ".", Href: "/"}
	}
	var href strings.Builder
	for _, name := range strings.Split(rel, "/") {
		href.WriteString("/" + url.PathEscape(name))
	}
	return report.Link{Text: shown(rel), Href: href.String() + "/"}
}

// listed is a line of the list, with what it is sorted by.
type listed struct {
	item    report.Item
	active  bool
	changed time.Time
}

// list makes the page that lists all runs and sweeps.
func (l *library) list() (report.Page, error) {
	places, notes, err := find(l.dir)
	if err != nil {
		return report.Page{}, unreadable(l.dir, err)
	}
	slices.SortFunc(places, byName)
	var lines []listed
	for _, p := range places {
		lines = append(lines, l.line(p))
	}
	l.forget(places)
	slices.SortStableFunc(lines, func(a, b listed) int { // what is at work stays where it is
		switch {
		case a.active != b.active:
			if a.active {
				return -1
			}
			return 1
		case a.active:
			return 0
		}
		return b.changed.Compare(a.changed)
	})
	var items []report.Item
	active := 0
	for _, line := range lines {
		items = append(items, line.item)
		if line.active {
			active++
		}
	}
	if len(items) == 0 {
		notes = append(notes, "There is no run and no sweep here yet. They appear when they begin, as with "+
			"matsense run --out "+view.ShellWord(filepath.Join(l.dir, "first"))+".")
	}
	return view.ListPage(shown(l.dir), items, active, notes), nil
}

// unreadable says that the directory cannot be read, and why, without its name a second time.
func unreadable(dir string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("%s cannot be read: %w", dir, err)
}

// line makes a line of the list.
func (l *library) line(p place) listed {
	switch p.kind {
	case aRun:
		w, err := l.run(p.rel)
		if err != nil {
			return listed{item: view.BrokenItem(link(p.rel), "a run", l.tidy(err))}
		}
		return listed{w.Item(link(p.rel)), w.Active(), w.Changed}
	default:
		w, _, err := l.sweep(p.rel)
		if err != nil {
			return listed{item: view.BrokenItem(link(p.rel), "a sweep", l.tidy(err))}
		}
		return listed{w.Item(link(p.rel)), w.Active(), w.Changed}
	}
}

// tidy is an error's first line as text, for a page.
func (l *library) tidy(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(shown(line))
}

// forget forgets places that are not there any more.
func (l *library) forget(places []place) {
	there := map[string]bool{}
	for _, p := range places {
		there[p.rel] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for rel := range l.runs {
		if !there[rel] {
			delete(l.runs, rel)
		}
	}
	for rel := range l.sweeps {
		if !there[rel] {
			delete(l.sweeps, rel)
		}
	}
}

// page makes the page of a place, or the list at the top if the directory itself is neither a run nor a
// sweep.
func (l *library) page(rel string) (p report.Page, err error) {
	at, err := locate(l.dir, rel)
	if err != nil && rel == "." {
		return p, unreadable(l.dir, err)
	}
	if err != nil {
		return p, err
	}
	switch at.kind {
	case aRun:
		p, err = l.runPage(rel)
	case aSweep:
		p, err = l.sweepPage(rel)
	case neither:
		if rel != "." {
			return p, fs.ErrNotExist
		}
		return l.list()
	}
	if err != nil {
		p = broken(rel, l.tidy(err))
	}
	if rel != "." {
		p.Up, p.Here = report.Link{Text: "All runs and sweeps", Href: "/"}, shown(rel)
	}
	return p, nil
}

// broken is the page of what cannot be read.
func broken(rel string, err error) report.Page {
	return report.Page{Title: shown(rel), Renew: view.IdleRenewal, Verdict: report.Verdict{
		Mood: report.Bad, Headline: "It cannot be read.", Text: err.Error()}}
}

func (l *library) runPage(rel string) (p report.Page, err error) {
	w, err := l.run(rel)
	if err != nil {
		return p, err
	}
	dir := l.at(rel)
	for _, name := range runFiles { // what is read below
		if err := regular(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	r, err := experiment.Watch(dir)
	if err != nil {
		return p, err
	}
	w.Summary = r.Summary // which may have come meanwhile
	return w.Page(r, shown(dir))
}

func (l *library) sweepPage(rel string) (p report.Page, err error) {
	w, known, err := l.sweep(rel)
	if err != nil {
		return p, err
	}
	dir := l.at(rel)
	for _, name := range []string{sweep.SpecFile, "runs.csv"} {
		if err := regular(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	if known.tally.Bytes() > maxRecords {
		return w.Page(nil, shown(dir))
	}
	known.reading.Lock()
	r, err := known.plan.Results(dir)
	known.reading.Unlock()
	if err != nil {
		return p, err
	}
	return w.Page(r, shown(dir))
}

// rendered is a page as bytes.
type rendered struct {
	body   []byte
	policy string
}

// render makes a page's bytes.
func (l *library) render(rel string) (*rendered, error) {
	p, err := l.page(rel)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return nil, err
	}
	return &rendered{b.Bytes(), p.Policy()}, nil
}
