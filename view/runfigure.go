package view

import (
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/report"
)

// RunFigure returns the figure of a run's trajectory and phases. Its Write returns [report.ErrEmpty] if there
// is nothing to draw: an estimate without descent has no trajectory.
func RunFigure(r *experiment.Run) Figure {
	f := trajectory(r)
	return Figure{Name: "trajectory", Chart: f.Chart(), drawing: f}
}

// trajectory returns the drawing of a run, with its title and phases.
func trajectory(r *experiment.Run) report.Figure {
	f := report.Figure{Title: caption(&r.Config), Rank: r.Config.Rank}
	if !r.Config.EstimatesOnly() {
		f.Trajectory = r.Trajectory
	}
	if s := r.Summary; s != nil && s.Recovered != nil {
		at := func(m *experiment.Metrics) *int {
			if m == nil {
				return nil
			}
			return &m.Iteration
		}
		f.Phases = &report.Phases{
			AlignmentEnd: at(s.Phases.AlignmentEnd), SaddleEnd: at(s.Phases.SaddleEnd),
			FloorStart: at(s.Phases.FloorStart),
		}
	}
	return f
}
