package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
	"github.com/matsense/matsense/view"
)

// sweepProgress tells how far a sweep has come.
type sweepProgress struct {
	teller
	plan              *sweep.Plan
	began             time.Time
	runs, done, first int
	added             bool            // a run has ended that a resumed sweep does not repeat
	failed            *sweep.Record   // the first
	noted             map[string]bool // notes that were printed
	doing             solver.Activity
	since             time.Time // when that began
	underWay          sweep.UnderWay
}

// newSweepProgress begins to tell how far a sweep has come, until end is called.
func newSweepProgress(env environment, plan *sweep.Plan, asJSON bool) *sweepProgress {
	s := &sweepProgress{teller: teller{env: env, json: asJSON}, plan: plan, began: time.Now(),
		since: time.Now(), doing: experiment.Reading, noted: map[string]bool{}, underWay: sweep.UnderWay{}}
	s.begin(func() event {
		least, greatest, _, _ := s.underWay.Range()
		return sweepProgressEvent{
			s.done, s.runs, string(s.doing), len(s.underWay), least, greatest, time.Since(s.began).Seconds(),
		}
	}, s.state)
	return s
}

// Begin implements sweep.Progress.
func (s *sweepProgress) Begin(runs, done int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs, s.done, s.first = runs, done, done
	if done > 0 && !s.json {
		s.print(doneAlready(done, runs))
	}
}

// doneAlready says how many runs need not be repeated.
func doneAlready(done, runs int) string {
	return fmt.Sprintf("%d of %d runs are there already", done, runs)
}

// Group implements sweep.Progress.
func (s *sweepProgress) Group(g *experiment.Group, runs []sweep.Run) {
	s.env.work.begin()
	for _, note := range g.Plan.Notes {
		s.note(note)
	}
	g.Plan.Notice = s.note
	g.Watch = func(i int, a solver.Activity, iteration int) {
		s.watch(runs[i], a, iteration)
	}
}

// Notice implements sweep.Progress.
func (s *sweepProgress) Notice(text string) { s.note(text) }

// note prints a note once, even if several groups have the same.
func (s *sweepProgress) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noted[text] {
		return
	}
	s.noted[text] = true
	s.notice(text)
}

// watch is what a group tells of the activities of its runs.
func (s *sweepProgress) watch(r sweep.Run, a solver.Activity, iteration int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a != s.doing {
		s.doing, s.since = a, time.Now()
	}
	s.underWay.Watch(r, a, iteration)
}

// interrupted says what an interrupted sweep has kept, and how to go on.
func (s *sweepProgress) interrupted(dir, goOn string) error {
	saved, err := s.plan.Saved(dir)
	if err != nil {
		return err
	}
	if s.json {
		printJSON(s.env.out, interruptedEvent{dir, s.runs, s.done, saved})
		return nil
	}
	under := ""
	if saved > 0 {
		under = fmt.Sprintf(", and the states of %d more are saved", saved)
	}
	fmt.Fprintf(s.env.err, "interrupted: %d of %d runs are done%s; %s\n", s.done, s.runs, under, goOn)
	return nil
}

// Ended implements sweep.Progress.
func (s *sweepProgress) Ended(r *sweep.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	delete(s.underWay, r.Index)
	if r.Status != sweep.Failed {
		s.added = true
	} else if s.failed == nil {
		s.failed = r
	}
	switch {
	case s.json:
		own := settings{}
		for i, key := range s.plan.Spec.Keys() {
			own.put(key, config.ValueOf(key, r.Values[i]))
		}
		s.emit(sweptRunEvent{
			r.Index, own, r.Status, r.Error, r.Iterations, experiment.Number(r.Final.TrainLoss),
			experiment.Number(r.Final.TestError), experiment.Number(r.Final.HeldOutRMSE), r.Timing.Seconds,
		})
	case s.line != nil:
		s.line.show(s.state())
	case time.Since(s.told) >= linesEvery || s.done == s.runs:
		text, _ := s.state()
		s.print(text)
	}
}

// span writes a range, or the one number that it has.
func span(from, to int) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d–%d", from, to)
}

// state says what the sweep is doing, and how much of it is done.
func (s *sweepProgress) state() (text string, done float64) {
	parts := []string{fmt.Sprintf("%d of %d runs", s.done, s.runs)}
	switch least, greatest, fewest, most := s.underWay.Range(); {
	case s.done == s.runs:
	case s.doing != solver.Stepping:
		parts = append(parts,
			fmt.Sprintf("%s for %s", view.Doing(s.doing), view.Rounded(time.Since(s.since))))
	case len(s.underWay) > 0:
		parts = append(parts, fmt.Sprintf("%d under way at iteration %s of %s", len(s.underWay),
			span(least, greatest), span(fewest, most)))
	}
	before := float64(s.first) / float64(max(s.runs, 1)) // what was there already took no time now
	if done = s.underWay.Share(s.done, s.runs); done > before {
		left := time.Since(s.began).Seconds() * (1 - done) / (done - before)
		parts = append(parts, view.Rounded(time.Duration(left*float64(time.Second)))+" left")
	}
	return strings.Join(parts, ", "), done
}
