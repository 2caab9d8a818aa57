package sweep

import (
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/config"
)

// Unlike lists settings of the factor and its start that no axis varies and that differ between runs of
// several methods, because each method has a default of its own. Such runs can hardly be compared.
func (p *Plan) Unlike() (keys []string) {
	varied := p.Spec.Keys()
	with := slices.IndexFunc(p.Spec.Axes, func(a Axis) bool { return slices.Contains(a.Keys, "method") })
	if with < 0 {
		return nil
	}
	var columns, start bool
	before := map[string]*config.Config{} // the last run that is alike but for the method's axis
	for i := range p.Runs {
		var rest strings.Builder
		for k, value := range p.Runs[i].Values {
			if !slices.Contains(p.Spec.Axes[with].Keys, varied[k]) {
				rest.WriteString(value + " ")
			}
		}
		here, other := &p.Runs[i].Config, before[rest.String()]
		if other != nil && here.StartsAtEstimate() != other.StartsAtEstimate() {
			columns = columns || here.FactorRank != other.FactorRank
			start = start || here.Init != other.Init
		}
		before[rest.String()] = here
	}
	if columns && !slices.Contains(varied, "factor-rank") {
		keys = append(keys, "factor-rank")
	}
	if start && !slices.Contains(varied, "init") {
		keys = append(keys, "init")
	}
	return keys
}
