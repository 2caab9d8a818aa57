package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/matsense/matsense/solver"
)

// Facts are what is known of a run when advice is asked for.
type Facts struct {
	// Status says how the run ended; [solver.Running] before the first step.
	Status solver.Status
	// Size is the root mean square of the observations.
	Size float64
	// ZeroLoss is f(0), with the loss of the run.
	ZeroLoss float64
	// TruthLoss is f at the truth, if the method has Polyak's step and it is known; NaN if not.
	TruthLoss float64
	// Spectral is the spectral estimate S; nil if it is not known.
	Spectral *solver.SpectralEstimate
	// FirstLoss is f(U₀), and LastLoss is f at the end; NaN if they are not known.
	FirstLoss, LastLoss float64
}

// Advice says which settings would suit the data better than those of a run. The zero value says nothing.
type Advice struct {
	// Settings are the settings to change, all together, by key: a float64, an int or a string each. There
	// are none if no setting would help.
	Settings map[string]any `json:"settings"`
	// Because has the reasons, each a sentence without its capital and its full stop.
	Because []string `json:"because"`
}

// Set advises a setting. A float64 is rounded to two digits.
func (a *Advice) Set(key string, value any) {
	if a.Settings == nil {
		a.Settings = map[string]any{}
	}
	if v, ok := value.(float64); ok {
		value, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'e', 1, 64), 64)
	}
	a.Settings[key] = value
}

// Say adds a reason.
func (a *Advice) Say(format string, args ...any) {
	a.Because = append(a.Because, fmt.Sprintf(format, args...))
}

// Flags writes the settings as flags, in the order of the settings.
func (a *Advice) Flags() string {
	var flags []string
	for _, key := range Keys() {
		switch v := a.Settings[key].(type) {
		case nil:
		case float64:
			flags = append(flags, fmt.Sprintf("--%s %s", key, brief(v)))
		default:
			flags = append(flags, fmt.Sprintf("--%s %v", key, v))
		}
	}
	return strings.Join(flags, " ")
}

// brief writes a number as people type it: 250, 0.12, 2.5e11.
func brief(v float64) string {
	if v >= 1 && v < 1e6 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	return strings.NewReplacer("e+0", "e", "e+", "e", "e-0", "e-").Replace(text)
}

// String is the advice in a sentence without its capital and its full stop.
func (a *Advice) String() string {
	because := strings.Join(a.Because, "; ")
	if len(a.Settings) == 0 {
		return because
	}
	return fmt.Sprintf("try %s: %s", a.Flags(), because)
}

// Note is the advice as a note before the first step, without its capital and its full stop.
func (a *Advice) Note() string {
	because := strings.Join(a.Because, "; ")
	if len(a.Settings) == 0 {
		return because
	}
	return fmt.Sprintf("%s. %s would suit the data", because, a.Flags())
}

// How far a setting may be from the one that suits the data before advice is given. Before the first step
// only what must fail is told. If a run has failed, less is enough to be its cause.
const (
	wrongBefore = 20
	shortAfter  = 3
	longAfter   = 2.5
)

// Advise says what would mend a run that failed, or that must fail if it has not begun; nil if nothing is
// known. A run failed if it diverged, or if its factor does not explain the observations at the end.
func (c *Config) Advise(f Facts) *Advice {
	method := find(methods, c.Method)
	switch {
	case method == nil || method.Estimates || c.Iterations == 0 || !c.IsLinear():
		return nil
	case f.Status == solver.Running || f.Status == solver.Diverged:
	case !c.HasSquaredLoss() && f.Status == solver.BudgetSpent:
	case f.Status != solver.BudgetSpent || !(f.LastLoss > solver.Unexplained*f.ZeroLoss):
		return nil
	}
	a := &Advice{Settings: map[string]any{}}
	if !c.HasSquaredLoss() { // what follows is about the curvature of the squared loss
		c.adviseRobust(f, a)
		if len(a.Because) == 0 {
			return nil
		}
		return a
	}
	if f.Size == 0 {
		a.Say("all observations are 0, or so small that f(0) is 0 in double precision: there is nothing to " +
			"recover")
		return a
	}
	c.adviseLargeStart(f, a)
	if p := c.ChosenParametrization(); p.Advise != nil {
		p.Advise(c, f, a)
	}
	if method.Advise != nil {
		method.Advise(c, f, a)
	} else {
		c.adviseStep(f, a, math.Inf(1), "")
	}
	c.adviseScale(f, a)
	c.adviseIterations(f, a)
	if len(a.Because) == 0 {
		return nil
	}
	return a
}

// adviseRobust is the advice for other losses than the squared one.
func (c *Config) adviseRobust(f Facts, a *Advice) {
	if target, _ := c.Field("optimal-value"); target.isUsed() && c.OptimalValue >= f.ZeroLoss {
		a.Set("optimal-value", f.optimalValue())
		a.Say("no step is taken where f is below --optimal-value, and f(0) is %s", brief2(f.ZeroLoss))
		return
	}
	failed := f.Status == solver.Diverged || f.Status == solver.BudgetSpent && f.LastLoss > unmoved*f.ZeroLoss
	if !failed {
		return
	}
	c.adviseLargeStart(f, a)
	switch {
	case len(a.Because) > 0:
	case f.Status == solver.Diverged:
		c.adviseStep(f, a, robustStep, "the step that suits losses whose gradient is bounded")
	default:
		c.adviseGrowth(f, a)
	}
}

// unmoved is the part of f(0) above which a loss other than the squared one says that the factor explains
// nothing. Outliers that no factor explains may be nearly all of f, so that it is close to 1.
const unmoved = 0.999

// robustStep suits losses whose gradient in Z is bounded by about 1: a step then changes U by a part of
// itself that is at most so large.
const robustStep = 0.5

// optimalValue is what f* may be in the place of one that is too large.
func (f Facts) optimalValue() float64 {
	if f.TruthLoss < f.ZeroLoss/2 {
		return f.TruthLoss
	}
	return 0
}

// norm estimates ‖M*‖.
func (f Facts) norm() float64 {
	if f.Spectral != nil {
		if largest, _ := f.Spectral.Extremes(); largest > 0 {
			return largest
		}
	}
	return f.Size
}

// gradientStep is the step of gradient descent that suits the data, and what it is in words.
func (c *Config) gradientStep(f Facts) (step float64, words string) {
	p := c.ChosenParametrization()
	switch {
	case p.Layers:
		// A balanced product of L matrices has the curvature ½·L·‖M*‖^(2−2/L), and steps are half of its
		// inverse, as for the others.
		l := float64(c.Depth)
		return 1 / (l * math.Pow(f.norm(), 2-2/l)), "1/(L·‖S‖^(2−2/L)) of the spectral estimate S"
	case f.Spectral != nil && p.Rectangular:
		return f.Spectral.SuggestStep(), "1/(2‖S‖) of the spectral estimate S"
	case f.Spectral != nil:
		return f.Spectral.SuggestStep(), "1/(4‖S‖) of the spectral estimate S"
	case p.Rectangular && !p.Vector:
		return 1 / (2 * f.Size), "1/(2·the root mean square of the observations)"
	}
	return 1 / (4 * f.Size), "1/(4·the root mean square of the observations)"
}

// adviseStep advises a step if the run's step failed and is far from the one that suits the data.
func (c *Config) adviseStep(f Facts, a *Advice, suited float64, words string) {
	if !(suited > 0) { // S is 0, or beyond double precision
		suited, words = math.Inf(1), ""
	}
	short, long := float64(shortAfter), longAfter
	switch {
	case f.Status == solver.Diverged && a.Settings["alpha"] != nil && c.Step <= suited:
		return // the start is why it diverged
	case f.Status == solver.Diverged:
		if words != "" {
			words = ", and at most " + words
		}
		a.Set("step", min(c.Step/2, suited))
		a.Say("the step is at most half of the one that failed%s", words)
		return
	case math.IsInf(suited, 1):
		return
	case f.Status == solver.Running:
		// Many steps may make up for their length: a small start needs some 20 of those that suit the data.
		short, long = wrongBefore, wrongBefore
		enough := wrongBefore * suited / c.Step
		if c.wholeSteps(c.NewStepDecay(), c.Iterations, enough) >= enough {
			short = math.Inf(1)
		}
	}
	switch {
	case c.Step*short < suited:
		a.Set("step", suited)
		a.Say("the step is shorter by a factor of %s than %s", factor(suited/c.Step), words)
	case c.Step > long*suited:
		a.Set("step", suited)
		a.Say("the step is longer by a factor of %s than %s", factor(c.Step/suited), words)
	}
}

// factor writes a factor with two digits.
func factor(v float64) string { return brief(twoDigits(v)) }

// twoDigits rounds a number.
func twoDigits(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'e', 1, 64), 64)
	return v
}

// wholeFactor is about the norm of a factor's matrices at the truth, and of a vector's.
func (c *Config) wholeFactor(f Facts) float64 {
	if c.ChosenParametrization().Layers {
		return math.Pow(f.norm(), 1/float64(c.Depth))
	}
	return math.Sqrt(f.norm())
}

// smallStart is the size α of a start that is small beside the data.
func (c *Config) smallStart(f Facts) float64 {
	if c.ChosenParametrization().Layers {
		return defaultLayer * c.wholeFactor(f)
	}
	return Default().Alpha * c.wholeFactor(f)
}

// isSized says whether alpha is the size of the start.
func (c *Config) isSized() bool {
	start, named := c.ChosenStart()
	return named && start.Sized
}

// adviseLargeStart advises a smaller start if f(U₀) is far above f(0), or the start itself is larger than the
// factor of the truth.
func (c *Config) adviseLargeStart(f Facts, a *Advice) {
	const above = 10 // of losses
	switch {
	case !c.isSized():
		return
	case f.FirstLoss > above*f.ZeroLoss:
		a.Say("f at the start is %s times f(0): the start is too large", factor(f.FirstLoss/f.ZeroLoss))
	case f.Status == solver.Diverged && c.Alpha > 2*c.wholeFactor(f):
		a.Say("the start is large beside the data")
	default:
		return
	}
	a.Set("alpha", c.smallStart(f))
}

// adviseScale advises a start that is small beside the data, if the step shows that the data have another
// scale than the settings are for.
func (c *Config) adviseScale(f Facts, a *Advice) {
	if _, rescaled := a.Settings["step"]; !rescaled || a.Settings["alpha"] != nil || !c.isSized() ||
		f.Status == solver.Diverged || c.Alpha <= c.wholeFactor(f)/4 {
		return
	}
	a.Say("the start is not small beside the data")
	a.Set("alpha", c.smallStart(f))
}

// adviseIterations advises more iterations, or step sizes that fall more slowly, if the factor has not left
// zero or if all steps together are too short, and nothing else is wrong.
func (c *Config) adviseIterations(f Facts, a *Advice) {
	if len(a.Because) > 0 || f.Status != solver.BudgetSpent {
		return
	}
	c.adviseLeast(f, a)
	if len(a.Because) > 0 || f.LastLoss < 0.9*f.ZeroLoss {
		return
	}
	c.adviseGrowth(f, a)
	c.sayUnknownDecay(a)
}

// adviseLeast advises step sizes that fall more slowly if all steps together are shorter than the fewest with
// which the method can explain the observations.
func (c *Config) adviseLeast(f Facts, a *Advice) {
	method, law := find(methods, c.Method), c.NewStepDecay()
	if method.Least == nil || law == nil {
		return
	}
	least := method.Least(c, f)
	all := c.wholeSteps(law, c.Iterations, least)
	if !(least < maxAdvised) || all >= least {
		return
	}
	iterations := max(c.Iterations, int(math.Ceil(2*least)))
	slower := c.slowerDecay(iterations, min(spare*least, float64(iterations+1)/2+least/2))
	if slower == "" {
		return
	}
	a.Say("%s takes at least about %s steps of the length --step, and with --step-decay all steps together "+
		"are as long as %s", c.Method, factor(least), factor(all))
	a.Set("step-decay", slower)
	if iterations > c.Iterations {
		a.Set("iterations", iterations)
	}
}

// sayUnknownDecay says why no other --step-decay is advised for a run that has not left zero.
func (c *Config) sayUnknownDecay(a *Advice) {
	law, method := c.NewStepDecay(), find(methods, c.Method)
	if len(a.Because) > 0 || law == nil || method.Growth != nil && !c.ChosenParametrization().Layers {
		return
	}
	all := c.wholeSteps(law, c.Iterations, math.Inf(1))
	if all > float64(c.Iterations)/2 {
		return // they have hardly fallen
	}
	a.Say("with --step-decay all steps together are as long as %s of the length --step: slower decay may "+
		"mend this, and how slow is not known for method %s with parametrization %s", factor(all), c.Method,
		c.Parametrization)
}

// spare is how many times as many steps are advised as a factor takes.
const spare = 3

// adviseGrowth advises more iterations, and step sizes that fall more slowly, if the steps of a run are too
// few or too short for the factor to leave zero.
func (c *Config) adviseGrowth(f Facts, a *Advice) {
	method := find(methods, c.Method)
	if method.Growth == nil || !c.isSized() || c.ChosenParametrization().Layers {
		return
	}
	rate := method.Growth(c, f) * c.lossShare(f)
	steps := math.Log(c.wholeFactor(f)/c.Alpha) / math.Log1p(rate)
	law := c.NewStepDecay()
	if !(steps < maxAdvised) || c.wholeSteps(law, c.Iterations, steps) >= steps {
		return
	}
	iterations := c.Iterations
	if float64(iterations) < spare*steps && (law == nil || float64(iterations) < steps) {
		digit := math.Pow(10, math.Floor(math.Log10(steps))) // one digit is enough
		iterations = int(digit * math.Ceil(spare*steps/digit))
		a.Set("iterations", iterations)
	}
	if law == nil {
		a.Say("the factor takes about %.0f steps to leave zero", steps)
		return
	}
	all := c.wholeSteps(law, c.Iterations, steps)
	a.Say("the factor takes about %.0f steps of the length --step to leave zero, and with --step-decay all "+
		"steps together are as long as %s", steps, factor(all))
	if slower := c.slowerDecay(iterations, min(2*steps, (steps+float64(iterations))/2)); slower != "" {
		a.Set("step-decay", slower)
	}
}

// lossShare is by which part of its growth with the squared loss a small factor grows. For Gaussian
// measurements the expected gradient of ℓ1 in Z at 0 is −√(2/π)·(1 − p)·M*/‖M*‖_F, where p is the share of
// outliers, and that of the Huber loss is at most δ times as long. ‖M*‖_F is at most √r*·‖M*‖.
func (c *Config) lossShare(f Facts) float64 {
	if c.HasSquaredLoss() {
		return 1
	}
	size := math.Sqrt(float64(max(c.Rank, 1))) * f.norm()
	share := math.Sqrt(2/math.Pi) / size
	if c.isDrawn() {
		share *= 1 - c.Outliers
	}
	if c.HuberThreshold > 0 {
		share = min(1, share*c.HuberThreshold)
	}
	return share
}

// maxAdvised bounds the iterations that are advised.
const maxAdvised = 1e7

// adviseSemidefinite advises the parametrization of matrices with eigenvalues of both signs, if the spectral
// estimate has a negative eigenvalue that is neither small beside the largest nor a fluctuation. The
// fluctuation of S about its expectation has the norm √(2n/m)·Size if the measurements are Gaussian.
func (c *Config) adviseSemidefinite(f Facts, a *Advice) {
	if f.Spectral == nil || f.Status == solver.Diverged {
		return
	}
	largest, least := f.Spectral.Extremes()
	fluctuation := 1.25 * math.Sqrt(2*float64(c.N)/float64(c.Measurements)) * f.Size
	if !(-least > fluctuation) || !(-least > largest/2) {
		return
	}
	if f.Status == solver.Running && -least <= largest { // UUᵀ may well explain the most of y
		return
	}
	if largest < fluctuation {
		a.Say("the spectral estimate's largest eigenvalue in magnitude is negative, %s, and UUᵀ has none "+
			"(if the sign of y is a convention, −y suits UUᵀ)", brief2(least))
	} else {
		a.Say("the spectral estimate has the eigenvalues %s and %s, and UUᵀ has no negative ones",
			brief2(largest), brief2(least))
	}
	a.Set("parametrization", solver.Indefinite{}.Name())
	if solver.Suits(c.NewMethod(), solver.Indefinite{}) != nil {
		a.Set("method", solver.GD{}.Name())
	}
}

// brief2 writes a number with two digits.
func brief2(v float64) string { return fmt.Sprintf("%.2g", v) }
