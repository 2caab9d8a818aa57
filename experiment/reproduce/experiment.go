package reproduce

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
)

//go:embed presets/*.yaml
var presets embed.FS

// Experiment is a claim and the sweep that tests it.
type Experiment struct {
	Name string
	// About describes the experiment in one line.
	About string
	// Claim is the statement of the theory.
	Claim string
	// Compared is what the verdict looks at.
	Compared string
	// AgreesIf and DisagreesIf say when the verdict agrees and disagrees. Otherwise it cannot be told.
	AgreesIf, DisagreesIf string
	// Untested says what of the paper, or of the claim, the experiment leaves out.
	Untested string

	judge func([]observation) Verdict
}

// All lists the experiments. Their texts have no line breaks.
func All() []Experiment {
	all := []Experiment{
		alphaExperiment, iterationsExperiment, overparameterizationExperiment, generalizationExperiment,
		spectralExperiment, incrementalExperiment, phasesExperiment, scaledGDExperiment,
		scaledGDUVExperiment, scaledGDLambdaExperiment, uvExperiment, imbalancedGDExperiment,
		apgdExperiment, altminExperiment, weightNormalizationExperiment, mirrorDescentExperiment,
		pauliExperiment, flatnessExperiment, indefiniteExperiment, singleIndexExperiment,
		singleIndexSizesExperiment, covariatesExperiment, truncationExperiment, completionExperiment,
		reluCompletionExperiment, reluThresholdsExperiment, momentumExperiment, adamExperiment,
		sgdExperiment, subgradientExperiment, overspecifiedRankExperiment, scaledSubgradientExperiment,
		opsaExperiment, riemannianSaddlesExperiment, retractionsExperiment, zerothOrderExperiment,
		zerothOrderNewtonExperiment, noiseExperiment, minimaxExperiment, approximateRankExperiment,
		rgdaExperiment, phaseRetrievalExperiment, multiIndexExperiment, eigenvaluesExperiment,
	}
	for i := range all {
		e := &all[i]
		for _, text := range []*string{&e.Claim, &e.Compared, &e.AgreesIf, &e.DisagreesIf, &e.Untested} {
			*text = strings.Join(strings.Fields(*text), " ")
		}
	}
	return all
}

// File returns the name and the text of the sweep file in one of the sizes.
func (e Experiment) File(full bool) (name string, text []byte) {
	name = e.Name + "-quick.yaml"
	if full {
		name = e.Name + ".yaml"
	}
	text, err := presets.ReadFile("presets/" + name)
	if err != nil {
		panic(fmt.Sprintf("reproduce: %v", err)) // every preset is embedded
	}
	return name, text
}

// Judge returns the verdict on a sweep's results. It cannot agree if a run failed or is missing. It cannot be
// told if the sweep varies a setting that the verdict does not compare, among runs that are alike otherwise.
func (e Experiment) Judge(r *sweep.Results) Verdict {
	all := observations(r)
	v := e.verdict(all)
	if lacking := len(r.Runs) - len(all); lacking > 0 && v.Status == Agrees {
		v.find("%d of %d runs failed or are missing", lacking, len(r.Runs))
		v.Status = Unclear
	}
	if keys := e.pooled(r, v.follow); len(keys) > 0 {
		v.find("the sweep varies %s, which this verdict does not compare", strings.Join(keys, ", "))
		v.Status, v.Figures = Unclear, nil // the figures would put unlike runs together too
	}
	return v
}

// verdict returns the verdict on runs that ended. A run that diverged contradicts the claim, unless the claim
// lets it.
func (e Experiment) verdict(all []observation) Verdict {
	v := e.judge(all)
	held := keep(all, func(o observation) bool { return v.mayDiverge == nil || !v.mayDiverge(o) })
	if lost := len(held) - len(stable(held)); lost > 0 {
		v.find("%d of %d runs diverged, which by the claim they do not", lost, len(held))
		v.Status = Disagrees
	}
	return v
}

// pooled lists the settings that a sweep varies among runs which the verdict takes to be alike: those with
// the same values of all settings that the experiment's own sweeps vary, but for those that follow from
// others.
func (e Experiment) pooled(r *sweep.Results, follow []string) (keys []string) {
	compared := map[string]bool{"seed": true, "start-seed": true}
	for _, full := range []bool{false, true} {
		s, err := sweep.Parse(e.File(full))
		if err != nil {
			panic(err)
		}
		for _, key := range s.Keys() {
			compared[key] = true
		}
	}
	for _, key := range follow {
		delete(compared, key)
	}
	alike := map[string][]config.Config{} // runs with the same values of the compared settings
	for _, run := range r.Runs {
		var kind string
		for _, key := range slices.Sorted(maps.Keys(compared)) {
			kind += textOf(run.Config, key) + " "
		}
		alike[kind] = append(alike[kind], run.Config)
	}
	for _, key := range r.Spec.Keys() {
		for _, runs := range alike {
			differs := func(c config.Config) bool { return textOf(c, key) != textOf(runs[0], key) }
			if !compared[key] && slices.ContainsFunc(runs, differs) {
				keys = append(keys, key)
				break
			}
		}
	}
	return keys
}

// textOf returns the value of a setting as a sweep has it.
func textOf(c config.Config, key string) string {
	f, _ := c.Field(key)
	return fmt.Sprint(f)
}

// onEvenSpectra returns a judge of a claim whose numbers are computed for truths with the singular values
// that kappa spaces evenly. Of other truths it cannot tell.
func onEvenSpectra(judge func([]observation) Verdict) func([]observation) Verdict {
	return func(all []observation) Verdict {
		if slices.ContainsFunc(all, func(o observation) bool { return o.Kappa == 0 }) {
			return Verdict{Status: Unclear, Findings: []string{"the numbers of this claim are computed for " +
				"truths that are drawn with kappa, not for a spectrum or a truth that was given"}}
		}
		return judge(all)
	}
}
