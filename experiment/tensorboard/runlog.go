package tensorboard

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/tfevents"
	"github.com/matsense/matsense/solver"
)

// runLog is the log of a run. A nil *runLog writes nothing.
type runLog struct {
	log   *tfevents.Log
	ended atomic.Bool
}

// sample adds a sample: each metric that is known, and the singular values, with the iteration as the step.
func (r *runLog) sample(s solver.Sample) {
	if r == nil {
		return
	}
	var scalars []tfevents.Scalar
	for _, m := range solver.Metrics() {
		if value := m.Of(&s); !math.IsNaN(value) {
			scalars = append(scalars, tfevents.Scalar{Tag: tagOf(m), Value: float32(value)})
		}
	}
	for i, value := range s.Sigma {
		scalars = append(scalars, tfevents.Scalar{Tag: fmt.Sprintf("sigma/%d", i+1), Value: float32(value)})
	}
	r.log.Scalars(s.Iteration, scalars)
}

// end adds how the run has ended.
func (r *runLog) end(failed bool) {
	if r != nil {
		r.log.End(failed)
		r.ended.Store(true)
	}
}

// tagOf is the name of a metric in TensorBoard: the metric's own name, in a group of those that a run's chart
// draws in one panel.
func tagOf(m *solver.Metric) string {
	switch m.Panel {
	case solver.ErrorPanel:
		return "errors/" + m.Name
	case solver.FactorPanel:
		return "factor/" + m.Name
	}
	return "other/" + m.Name
}

// settingsOf lists the settings that apply to a configuration.
func settingsOf(c *config.Config) (settings []tfevents.Setting) {
	for _, f := range c.Applied() {
		settings = append(settings, tfevents.Setting{Key: f.Key, Value: f.Value()})
	}
	return settings
}

// longestName bounds the name of a run's folder in bytes: file systems allow 255.
const longestName = 120

// nameOf is the name of the folder of a sweep's run: its number, of as many digits as that of the last run,
// and its values of the settings that differ.
func nameOf(index, runs int, keys, values []string) string {
	name := fmt.Sprintf("%0*d", len(fmt.Sprint(runs-1)), index)
	for i, key := range keys {
		name += "_" + key + "=" + values[i]
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>| `, r) { // which some systems refuse in names of files
			return '-'
		}
		return r
	}, name)
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "")
	}
	return strings.TrimRight(name, ".")
}
