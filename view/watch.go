package view

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// Life says whether a process is at work on a run or a sweep.
type Life struct {
	// Alive says that it is. Silent is how long it has given no sign of life, and Gone says that it has
	// surely ended.
	Alive  bool
	Silent time.Duration
	Gone   bool
}

// quiet is the silence that is worth a word: a process writes every few seconds.
const quiet = 20 * time.Second

// The seconds after an answer until a page asks again.
const (
	renewal = 1
	// IdleRenewal is for pages of what no process is at work on.
	IdleRenewal = 5
)

// Doing says what an activity is.
func Doing(a solver.Activity) string {
	switch a {
	case experiment.Reading:
		return "reading the data"
	case solver.Preparing:
		return "making the measurements"
	case solver.Estimating:
		return "making the spectral estimate"
	}
	return "taking steps"
}

// ListColumns are the columns of a list of runs and sweeps, beside name, status and progress.
var ListColumns = []string{"speed", "left", "train loss", "test error", "changed"}

// WatchedRun is a run as those who watch it see it.
type WatchedRun struct {
	Config  *config.Config
	Summary *experiment.Summary // nil if the run has not ended
	// Live is what its process tells; nil if no process has told anything since the run was ended or saved.
	Live    *experiment.Live
	Life    Life
	Changed time.Time
}

// Active says whether a process is at work on the run.
func (w *WatchedRun) Active() bool { return w.Summary == nil && w.Live != nil && w.Life.Alive }

// status says how the run is.
func (w *WatchedRun) status() (mood report.Mood, status, note string) {
	if s := w.Summary; s != nil {
		text, _, _ := strings.Cut(headline(s), " (")
		return verdict(w.Config, s).Mood, strings.ToLower(strings.TrimSuffix(text, ".")), ""
	}
	return w.Life.status(w.Live != nil, func() string {
		if w.Live.Activity == solver.Stepping {
			return ""
		}
		return Doing(w.Live.Activity)
	})
}

// status says whether a process is at work on what has not ended. told says that there is a file in which it
// says so, and doing what it does if that is not the ordinary.
func (l Life) status(told bool, doing func() string) (mood report.Mood, status, note string) {
	switch {
	case !told:
		return report.Neutral, "not ended", "no process is at work; can be resumed"
	case l.Gone:
		return report.Bad, "stopped", "its process is gone; can be resumed"
	case !l.Alive:
		return report.Bad, "no sign of life", fmt.Sprintf("for %s; can be resumed", l.silence())
	case l.Silent > quiet:
		return report.Working, "running", fmt.Sprintf("no sign of life for %s", l.silence())
	}
	return report.Working, "running", doing()
}

// verdict says on a page that no process is at work on what has not ended, and which command goes on. told is
// as in status.
func (l Life) verdict(told bool, again string) report.Verdict {
	v := report.Verdict{Mood: report.Bad, Text: "Go on with: " + again}
	switch {
	case !told:
		v.Mood, v.Headline = report.Neutral, "Not ended, and no process is at work."
	case l.Gone:
		v.Headline = "Its process is gone."
	default:
		v.Headline = fmt.Sprintf("No sign of life for %s.", l.silence())
	}
	return v
}

// silence writes how long the process is silent, in steps that do not change each second.
func (l Life) silence() string {
	for _, unit := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if l.Silent >= 2*unit.d {
			return fmt.Sprintf("%d %s", l.Silent/unit.d, unit.name)
		}
	}
	return fmt.Sprintf("%d s", l.Silent/(10*time.Second)*10)
}

// Item is the run's line of a list.
func (w *WatchedRun) Item(link report.Link) report.Item {
	item := report.Item{Link: link, About: about(caption(w.Config))}
	item.Mood, item.Status, item.Note = w.status()
	speed, left, final := "", math.NaN(), (*experiment.Metrics)(nil)
	switch {
	case w.Summary != nil:
		final = &w.Summary.Final
		item.Progress = steps(w.Summary.Steps, max(w.Config.Iterations, w.Summary.Steps))
		if w.Summary.Status != solver.Canceled { // it is over, also if it stopped before the last iteration
			item.Progress.Share, item.Progress.Text = 1, Count(w.Summary.Steps, "step")
		}
	case w.Live != nil:
		final = w.Live.Last
		item.Progress = steps(w.Live.Iteration, w.Live.To)
		if w.Life.Alive {
			speed, left = rate(float64(w.Live.Rate), "step"), float64(w.Live.Left)
		}
	}
	if w.Config.EstimatesOnly() {
		item.Progress = nil
	}
	cells := []report.Cell{report.Text(speed), leftCell(left)}
	if final == nil {
		final = new(experiment.Metrics(solver.NewSample(0)))
	}
	sample := (*solver.Sample)(final)
	item.Cells = append(cells, short(sample.TrainLoss, ""), errorCell(sample), changed(w.Changed))
	return item
}

// about is a caption for a page or a list, in which no line ends within "m = 150".
func about(caption string) string {
	return strings.ReplaceAll(report.Raised(caption), " = ", "\u00a0=\u00a0")
}

// steps is the progress of a run.
func steps(done, of int) *report.Progress {
	return &report.Progress{Share: float64(done) / float64(max(of, 1)),
		Text: fmt.Sprintf("%d of %d", done, of)}
}

// rate writes how many things are done in a second, or in a longer time if they are few; empty if it is not
// known.
func rate(perSecond float64, what string) string {
	for _, unit := range []struct {
		seconds float64
		name    string
	}{{1, "s"}, {60, "min"}, {3600, "h"}} {
		switch n := perSecond * unit.seconds; {
		case n >= 100:
			return fmt.Sprintf("%.0f %ss/%s", n, what, unit.name)
		case n >= 1:
			return fmt.Sprintf("%.3g %ss/%s", n, what, unit.name)
		}
	}
	return ""
}

// lasting writes a number of seconds; empty if it is not known.
func lasting(seconds float64) string {
	if !known(seconds) || seconds < 0 || seconds > 1e9 {
		return ""
	}
	return Rounded(time.Duration(seconds * float64(time.Second)).Round(time.Second))
}

// leftCell writes the time that is left.
func leftCell(seconds float64) report.Cell {
	if text := lasting(seconds); text != "" {
		return report.Cell{Text: text, Value: fmt.Sprintf("%.0f", seconds)}
	}
	return report.Text("")
}

// short writes a number for a list, with words after it; empty if it is not known.
func short(v float64, after string) report.Cell {
	if !known(v) || math.IsInf(v, 0) {
		return report.Text("")
	}
	return report.Cell{Text: fmt.Sprintf("%.2e", v) + after, Value: report.Number(v).Value}
}

// errorCell writes the test error or, if it is not known, the error on held-out measurements.
func errorCell(s *solver.Sample) report.Cell {
	if !known(s.TestError) && known(s.HeldOutRMSE) {
		return short(s.HeldOutRMSE, " held out")
	}
	return short(s.TestError, "")
}

// changed writes when something was changed last, in the server's time zone.
func changed(at time.Time) report.Cell {
	if at.IsZero() {
		return report.Text("")
	}
	return report.Cell{Text: at.Format("2 Jan 15:04"), Value: at.UTC().Format(time.RFC3339)}
}

// Page is the page of a run, whose directory r was read from: while it goes on, with what its process tells.
func (w *WatchedRun) Page(r *experiment.Run, dir string) (report.Page, error) {
	p, err := RunPage(r)
	if err != nil {
		return p, err
	}
	again := goOn(w.Config, dir)
	if r.Summary != nil {
		if r.Summary.Status == solver.Canceled {
			p.Verdict.Text += " Go on with: " + again
		}
		return p, nil
	}
	p.Downloads = p.Downloads[:1]
	p.Notes = []string{"trajectory.csv can be downloaded when the run has ended."}
	p.Renew = IdleRenewal
	mood, status, note := w.status()
	p.Verdict = report.Verdict{Mood: mood, Headline: capital(status) + "."}
	if !w.Active() {
		p.Verdict = w.Life.verdict(w.Live != nil, again)
	}
	if w.Live == nil {
		return p, nil
	}
	l := w.Live
	if !w.Config.EstimatesOnly() {
		p.Progress = steps(l.Iteration, l.To)
	}
	if w.Active() {
		p.Renew = renewal
		text := []string{note, rate(float64(l.Rate), "step"), andLeft(l.Left)}
		if l.Activity != solver.Stepping {
			text = []string{fmt.Sprintf("%s for %s", note, lasting(float64(l.ActivitySeconds)))}
		}
		if l.Last != nil {
			text = append(text, metricsInWords((*solver.Sample)(l.Last))...)
		}
		p.Verdict.Text = sentence(append(text, onHost(l.Host))...)
	}
	if n := w.Live.Samples; n > len(r.Trajectory) && len(r.Trajectory) > 0 {
		p.Notes = append([]string{fmt.Sprintf(
			"While the run goes on, the figure has %d of its %d samples.", len(r.Trajectory), n)}, p.Notes...)
	}
	return p, nil
}

// metricsInWords are the metrics of a sample that say most.
func metricsInWords(s *solver.Sample) (parts []string) {
	for _, m := range []struct {
		name  string
		value float64
	}{{"train loss", s.TrainLoss}, {"test error", s.TestError}, {"held-out RMSE", s.HeldOutRMSE}} {
		if known(m.value) {
			parts = append(parts, fmt.Sprintf("%s %s", m.name, number(m.value)))
		}
	}
	return parts
}

// andLeft writes the time that is left, in a sentence.
func andLeft(seconds experiment.Number) string {
	if text := lasting(float64(seconds)); text != "" {
		return text + " left"
	}
	return ""
}

// onHost says where a process is.
func onHost(host string) string {
	if host == "" {
		return ""
	}
	return "on " + host
}

// sentence joins the parts that are not empty.
func sentence(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	if len(parts) == 0 {
		return ""
	}
	return capital(strings.Join(parts, ", ")) + "."
}

// WatchedSweep is a sweep as those who watch it see it.
type WatchedSweep struct {
	// Runs is how many runs the sweep has; Recorded how many of them have a record, and of these Failed and
	// Diverged how many failed and diverged.
	Runs, Recorded, Failed, Diverged int
	// Live is what the processes of its parts tell, with the life of each.
	Live    []*sweep.Live
	Lives   []Life
	Changed time.Time
	// About says what the sweep varies.
	About string
}

// Active says whether a process is at work on the sweep.
func (w *WatchedSweep) Active() bool {
	return slices.ContainsFunc(w.Lives, func(l Life) bool { return l.Alive })
}

// status says how the sweep is.
func (w *WatchedSweep) status() (mood report.Mood, status, note string) {
	var bad []string
	for _, part := range []struct {
		n    int
		what string
	}{{w.Failed, "failed"}, {w.Diverged, "diverged"}} {
		if part.n > 0 {
			bad = append(bad, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if w.Recorded >= w.Runs && !w.Active() {
		mood = report.Good
		if w.Failed > 0 {
			mood = report.Bad
		}
		return mood, "complete", strings.Join(bad, ", ")
	}
	return w.latest().status(len(w.Lives) > 0, func() string { return strings.Join(bad, ", ") })
}

// latest is the life of the process that gave the last sign of it. Parts that are dead beside it are told on
// the sweep's page.
func (w *WatchedSweep) latest() (latest Life) {
	for i, l := range w.Lives {
		if i == 0 || l.Alive && !latest.Alive || l.Alive == latest.Alive && l.Silent < latest.Silent {
			latest = l
		}
	}
	return latest
}

// progress is how much of the sweep is done. Of runs under way it counts the part that is done.
func (w *WatchedSweep) progress() *report.Progress {
	done := float64(w.Recorded)
	for i, l := range w.Live {
		if w.Lives[i].Alive {
			done += max(0, float64(l.Share)*float64(l.Runs)-float64(l.Done))
		}
	}
	return &report.Progress{Share: done / float64(max(w.Runs, 1)),
		Text: fmt.Sprintf("%d of %s", w.Recorded, Count(w.Runs, "run"))}
}

// speed is the runs that all parts together do in a second, and the time that the slowest part has left.
func (w *WatchedSweep) speed() (perSecond, left float64) {
	left = math.NaN()
	for i, l := range w.Live {
		if w.Lives[i].Alive && known(l.Rate) {
			perSecond += float64(l.Rate)
			left = max(float64(l.Left), left)
			if math.IsNaN(left) {
				left = float64(l.Left)
			}
		}
	}
	return perSecond, left
}

// Item is the sweep's line of a list.
func (w *WatchedSweep) Item(link report.Link) report.Item {
	item := report.Item{Link: link, About: about(w.About), Progress: w.progress()}
	item.Mood, item.Status, item.Note = w.status()
	perSecond, left := w.speed()
	item.Cells = []report.Cell{report.Text(rate(perSecond, "run")), leftCell(left), report.Text(""),
		report.Text(""), changed(w.Changed)}
	return item
}

// Page is the page of the sweep whose directory r was read from; nil if its records are too many to be read
// again and again.
func (w *WatchedSweep) Page(r *sweep.Results, dir string) (report.Page, error) {
	p := report.Page{Title: fmt.Sprintf("%s: a sweep of %s", name(dir), Count(w.Runs, "run")),
		Subtitle: about(w.About)}
	if r != nil {
		var charts []report.Chart
		if f, err := DefaultFigure(r); err == nil {
			charts = append(charts, f.Chart)
		}
		var err error
		if p, err = SweepPage(r, dir, charts...); err != nil {
			return p, err
		}
		p.Notes = append(p.Notes, r.Notes...)
	} else {
		p.Notes = []string{fmt.Sprintf("The records are too large to be read again and again; when the sweep "+
			"is complete, see report.html in its directory, or matsense plot %s.", ShellWord(dir))}
	}
	mood, status, note := w.status()
	if status == "complete" {
		if r == nil {
			p.Verdict = report.Verdict{Mood: mood, Headline: "Complete.", Text: sentence(note)}
		}
		return p, nil
	}
	p.Progress, p.Renew = w.progress(), IdleRenewal
	ended := p.Verdict.Text
	if w.Active() {
		p.Renew = renewal
		perSecond, left := w.speed()
		p.Verdict = report.Verdict{Mood: mood, Headline: capital(status) + ".",
			Text: sentence(rate(perSecond, "run"), andLeft(experiment.Number(left)))}
	} else {
		p.Verdict = w.latest().verdict(len(w.Lives) > 0, "matsense sweep FILE --resume --out "+ShellWord(dir))
		p.Verdict.Text, ended = ended, p.Verdict.Text
	}
	p.Verdict.Text = strings.TrimSpace(p.Verdict.Text + " " + ended)
	if len(w.Live) > 0 {
		p.Tables = append([]report.Table{w.partsTable()}, p.Tables...)
	}
	return p, nil
}

// partsTable says what the processes of a sweep do.
func (w *WatchedSweep) partsTable() report.Table {
	t := report.Table{Title: "Processes", Wide: true,
		Head: []string{"part", "status", "done", "under way", "at iteration", "left", "host"}}
	for i, l := range w.Live {
		_, status, note := w.Lives[i].status(true, func() string {
			if l.Activity == solver.Stepping {
				return ""
			}
			return Doing(l.Activity)
		})
		if note != "" {
			status += ": " + note
		}
		under, at := report.Text(""), ""
		if l.UnderWay > 0 {
			under, at = report.Whole(l.UnderWay), Ranges([]int{l.Least})
			if l.Greatest > l.Least {
				at = fmt.Sprintf("%d–%d", l.Least, l.Greatest)
			}
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(fmt.Sprintf("%d of %d", l.Part, l.Parts)), report.Text(status),
			report.Text(fmt.Sprintf("%d of %d", l.Done, l.Runs)), under, report.Text(at),
			report.Text(lasting(float64(l.Left))), report.Text(l.Host),
		})
	}
	return t
}

// SweepAbout says what a sweep varies and what its runs have in common.
func SweepAbout(s *sweep.Spec, runs []sweep.Run) string {
	varied := strings.Join(s.Keys(), ", ")
	if varied != "" {
		varied = "over " + varied + ":  "
	}
	return varied + sweepCaption(&sweep.Results{Spec: s, Runs: runs}, nil)
}

// BrokenItem is the line of a directory that cannot be read, and why.
func BrokenItem(link report.Link, about string, err error) report.Item {
	return report.Item{Link: link, About: about, Mood: report.Bad, Status: "cannot be read",
		Note: err.Error(), Cells: make([]report.Cell, len(ListColumns))}
}

// ListPage is the page of all runs and sweeps under a directory. On so many of them processes are at work.
func ListPage(dir string, items []report.Item, active int, notes []string) report.Page {
	p := report.Page{Title: name(dir), Subtitle: dir, Renew: IdleRenewal,
		List: &report.List{Title: "Runs and sweeps", Columns: ListColumns, Items: items, Notes: notes}}
	if len(items) > 1 {
		p.List.Title = fmt.Sprintf("%d runs and sweeps", len(items))
	}
	if active > 0 {
		p.List.Title += fmt.Sprintf(", %d running", active)
		p.Renew = renewal
	}
	return p
}
