package config

import (
	"strings"
	"testing"
)

// Each mistake in the settings of indefinite, sparse and single-index is told with the place where the
// setting was given, and no other is.
func TestValidateDifferences(t *testing.T) {
	own := "matrices=A.npy observations=y.npy "
	for _, c := range []struct{ settings, want string }{
		{"parametrization=indefinite", ""},
		{"parametrization=indefinite negative=0", ""},
		{"parametrization=indefinite negative=3", ""},
		{"parametrization=indefinite negative=4", "negative"},
		{"parametrization=indefinite negative=-1", "negative"},
		{"parametrization=indefinite n2=100", "n2"},
		{"parametrization=indefinite init=U.npy", "init"},
		{"parametrization=indefinite method=scaled-gd-lambda", ""},
		{"negative=1", "negative"},
		{own + "parametrization=indefinite truth=X.npy", "truth"},
		{own + "parametrization=indefinite negative=1", "negative"},
		{"parametrization=sparse", ""},
		{"parametrization=sparse init=random", ""},
		{"parametrization=sparse init=spectral", "init"},
		{"parametrization=sparse init=u.npy", "init"},
		{"init=ones", "init"},
		{"parametrization=uv init=ones", "init"},
		{"parametrization=sparse alpha=0", "alpha"},
		{"parametrization=sparse start-seed=2", "start-seed"},
		{"parametrization=sparse sparsity=0", "sparsity"},
		{"parametrization=sparse sparsity=101", "sparsity"},
		{"parametrization=sparse kappa=3", ""},
		{"parametrization=sparse sparsity=1 kappa=3", "kappa"},
		{"parametrization=sparse rank=2", "rank"},
		{"parametrization=sparse n2=2", "n2"},
		{"parametrization=sparse factor-rank=5", "factor-rank"},
		{"parametrization=sparse method=scaled-gd", "method"},
		{"sparsity=2", "sparsity"},
		{own + "parametrization=sparse sparsity=2", "sparsity"},
		{"observation=single-index", ""},
		{"observation=single-index link=cubic link-scale=unknown truncation=3 parametrization=uv", ""},
		{"observation=single-index link=relu", "link"},
		{"observation=single-index link-scale=guessed", "link-scale"},
		{"observation=single-index covariates=cauchy", "covariates"},
		{"observation=single-index covariates=laplace link=tanh link-scale=known", "link-scale"},
		{"observation=single-index covariates=laplace link=cubic link-scale=known", ""},
		{"covariates=laplace", "covariates"},
		{"observation=single-index truncation=-1", "truncation"},
		{"observation=single-index precision=mixed", "precision"},
		{"observation=single-index storage=generated", "storage"},
		{"observation=single-index entries=f32", "entries"},
		{"link=sign", "link"},
		{"truncation=2", "truncation"},
		{own + "link=sign", "link"},
		{own + "truncation=2", "truncation"},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		problems := problemsOf(t, config.Validate())
		switch {
		case c.want == "" && len(problems) > 0:
			t.Errorf("%s: %q", c.settings, problems)
		case c.want != "" && (len(problems) != 1 || !isAt(problems[0], "--"+c.want)):
			t.Errorf("%s: %q, want one with --%s", c.settings, problems, c.want)
		}
	}
}

// What they fill in is accepted again as it is.
func TestDifferencesFillIn(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"parametrization=indefinite", "negative=1 factor-rank=100 init=random"},
		{"parametrization=indefinite rank=4", "negative=2"},
		{"parametrization=sparse", "n2=1 rank=1 factor-rank=1 sparsity=3 init=ones alpha=1e-06 " +
			"start-seed=0 measurements=56"},
		{"parametrization=sparse init=random seed=4", "alpha=1e-06 start-seed=4"},
		{"parametrization=sparse observation=single-index",
			"measurements=1382 link=identity link-scale=known"},
		{"observation=single-index covariates=student link=sign", "link-scale=unknown covariates=student"},
		{"observation=single-index covariates=student", "link-scale=known"},
		{"observation=single-index covariates=gaussian", "covariates= link-scale=known"},
		{"parametrization=sparse kappa=2 sparsity=5", "kappa=2"},
		{"observation=single-index link=tanh", "entries= truncation=0"},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		if err := config.Validate(); err != nil {
			t.Fatalf("%s: %v", c.settings, err)
		}
		for _, setting := range strings.Fields(c.want) {
			key, want, _ := strings.Cut(setting, "=")
			if f, _ := config.Field(key); f.String() != want {
				t.Errorf("%s: %s is %s, want %s", c.settings, key, f.String(), want)
			}
		}
		acceptedAgain(t, &config)
	}
}
