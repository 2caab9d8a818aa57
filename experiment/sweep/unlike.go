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
	type choice struct {
		value string
		own   bool // the default is that of the method
	}
	for _, setting := range []struct {
		key    string
		choice func(c *config.Config) choice
	}{
		{"factor-rank", func(c *config.Config) choice {
			ofRank, _ := c.OwnStart()
			return choice{strconv.Itoa(c.FactorRank), ofRank}
		}},
		{"init", func(c *config.Config) choice {
			_, spectral := c.OwnStart()
			return choice{c.Init, spectral}
		}},
	} {
		if slices.Contains(varied, setting.key) {
			continue
		}
		choices := map[string]choice{} // of runs that are alike but for the method's axis
		for _, run := range p.Runs {
			var rest strings.Builder
			for i, value := range run.Values {
				if !slices.Contains(p.Spec.Axes[with].Keys, varied[i]) {
					rest.WriteString(value + " ")
				}
			}
			here := setting.choice(&run.Config)
			first, known := choices[rest.String()]
			if known && first.value != here.value && first.own != here.own {
				keys = append(keys, setting.key)
				break
			}
			choices[rest.String()] = here
		}
	}
	return keys
}
