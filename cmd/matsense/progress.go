package main

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/solver"
	"github.com/matsense/matsense/view"
)

// runProgress tells how far a run has come.
type runProgress struct {
	teller
	plan      *experiment.Plan
	start     time.Time
	doing     solver.Activity
	since     time.Time // when that began
	begun     int       // the iteration that the run began with, which is not 0 if it is resumed
	iteration int
	from, to  int
	began     time.Time // when the first step was begun; zero before
	loss      float64   // of the last sample, as is heldOut
	heldOut   float64   // root mean square error; NaN if nothing is held out
	lossAt    int       // the iteration of that sample
	next      int       // the iteration from which the next line is due
}

// newRunProgress begins to tell how far a run has come, until end is called.
func newRunProgress(env environment, plan *experiment.Plan, asJSON bool) *runProgress {
	p := &runProgress{teller: teller{env: env, json: asJSON}, plan: plan, start: time.Now(),
		since: time.Now(), doing: experiment.Reading, to: plan.Config.Iterations, loss: math.NaN(),
		heldOut: math.NaN()}
	plan.Watch = p.watch
	p.begin(func() event {
		return progressEvent{string(p.doing), p.iteration, p.to, time.Since(p.start).Seconds()}
	}, p.state)
	return p
}

// Notice implements experiment.Progress.
func (p *runProgress) Notice(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notice(text)
}

// Begin implements experiment.Progress.
func (p *runProgress) Begin(dir string, from, to int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun, p.from, p.iteration, p.to, p.next = from, from, from, to, from
	if p.json {
		p.emit(beginEvent{dir, from, to, placeOf(p.plan), settingsOf(&p.plan.Config)})
		return
	}
	p.print(view.Problem(p.plan))
	if from > 0 {
		p.print(fmt.Sprintf("going on from iteration %d", from))
	}
}

// watch is what the plan tells of activities.
func (p *runProgress) watch(a solver.Activity, iteration int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a != p.doing {
		p.doing, p.since = a, time.Now()
	}
	if a == solver.Stepping && p.began.IsZero() {
		p.began, p.from = time.Now(), iteration
	}
	p.iteration = iteration
}

// Sample implements experiment.Progress. From the first sample on there is something to save: the data are
// read and the measurements are made before.
func (p *runProgress) Sample(s solver.Sample) {
	p.env.work.begin()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.iteration, p.loss, p.lossAt, p.heldOut = s.Iteration, s.TrainLoss, s.Iteration, s.HeldOutRMSE
	switch {
	case p.json:
		p.emit(sampleEvent{experiment.MetricsOf(s)})
	case p.line != nil:
		p.line.show(p.state())
	case s.Iteration >= p.next || s.Iteration == p.to:
		p.next = s.Iteration + max(1, (p.to-p.from)/10)
		if !math.IsNaN(s.TrainLoss) {
			text, _ := p.state()
			p.print(text)
		}
	}
}

// state says what the run is doing, and how much of its steps is done.
func (p *runProgress) state() (text string, done float64) {
	done = float64(p.iteration-p.from) / float64(max(p.to-p.from, 1))
	if p.doing != solver.Stepping {
		return fmt.Sprintf("%s for %s", view.Doing(p.doing), view.Rounded(time.Since(p.since))), done
	}
	text = fmt.Sprintf("iteration %d of %d", p.iteration, p.to)
	if !math.IsNaN(p.loss) {
		text += fmt.Sprintf(": train loss %.3e", p.loss)
		if !math.IsNaN(p.heldOut) {
			text += fmt.Sprintf(", held-out RMSE %.4g", p.heldOut)
		}
		if p.lossAt < p.iteration {
			text += fmt.Sprintf(" at %d", p.lossAt)
		}
	}
	if steps := p.iteration - p.from; steps > 0 {
		rate := float64(steps) / cmp.Or(time.Since(p.began).Seconds(), 1e-9)
		text += fmt.Sprintf(", %.3g steps/s, %s left", rate,
			time.Duration(float64(p.to-p.iteration)/rate*float64(time.Second)).Round(time.Second))
	}
	return text, done
}
