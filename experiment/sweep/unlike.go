package sweep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/experiment/config"
)

// Unlike lists settings of the factor and its start that no axis varies and that differ between runs of
// several methods, because each method has a default of its own. Such runs are hardly to be compared.
func (p *Plan) Unlike() (keys []string) {
	varied := p.Spec.Keys()
	with := slices.IndexFunc(p.Spec.Axes, func(a Axis) bool { return slices.Contains(a.Keys, "method") })
	if with < 0 {
		return nil
	}
	for _, setting := range []struct {
		key   string
		value func(c *config.Config) string
	}{
		{"factor-rank", func(c *config.Config) string { return strconv.Itoa(c.FactorRank) }},
		{"init", func(c *config.Config) string { return c.Init }},
	} {
		if slices.Contains(varied, setting.key) {
			continue
		}
		values := map[string]string{} // of runs that are alike but for the method's axis
		for _, run := range p.Runs {
			var rest strings.Builder
			for i, value := range run.Values {
				if !slices.Contains(p.Spec.Axes[with].Keys, varied[i]) {
					rest.WriteString(value + " ")
				}
			}
			value := setting.value(&run.Config)
			if first, known := values[rest.String()]; known && first != value {
				keys = append(keys, setting.key)
				break
			}
			values[rest.String()] = value
		}
	}
	return keys
}
