package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

const summaryFile = "summary.json"

// maxSummary bounds the bytes of summary.json. A summary has a few thousand, and singular values.
const maxSummary = 64 << 20

// RecoveredBelow is the test error below which a summary may say that the truth was recovered.
const RecoveredBelow = 1e-3

// AkinWithin is how near to the spectral estimate a factor must come for the run to count as akin to the
// spectral method: its angle to the estimate is at most this part of the estimate's own angle to the truth.
const AkinWithin = 0.1

// Summary is summary.json.
type Summary struct {
	Status     solver.Status `json:"status"`
	StatusText string        `json:"status_text"`
	// Recovered says that the final test error is below RecoveredBelow and that saddle avoidance is over, so
	// that no component of the truth is missing; null without a truth, and if the truth contradicts the
	// observations.
	Recovered *bool `json:"recovered"`
	// Iterations is the number of steps that led to factor.npy, whose metrics are Final. Steps is the number
	// of all steps, and Kept says which iterate factor.npy is: last or best.
	Iterations int     `json:"iterations"`
	Steps      int     `json:"steps"`
	Kept       string  `json:"kept"`
	Final      Metrics `json:"final"`
	BestIterates
	// Phases has the metrics at each boundary of the phases; null if it was not reached.
	Phases PhaseSummary `json:"phases"`
	// Plateaus are the stretches along which Z is close to a best approximation of M*, in order; empty if
	// there are none, as with equal singular values.
	Plateaus []Plateau        `json:"plateaus"`
	Spectral *SpectralSummary `json:"spectral"`
	// Advice says what would mend a run that diverged or did not explain the observations; null if the run
	// needs none, or nothing is known.
	Advice *config.Advice `json:"advice"`
	// Truth says how well the user's truth explains the user's observations; null without the two.
	Truth *TruthSummary `json:"truth"`

	Problem ProblemSummary    `json:"problem"`
	Seeds   SeedSummary       `json:"seeds"`
	Data    map[string]string `json:"data_sha256,omitempty"`

	Device          string `json:"device"`
	Backend         string `json:"backend"`
	Storage         string `json:"storage"`
	Precision       string `json:"precision"`
	MemoryPlanned   Number `json:"memory_planned_bytes"`
	SecondsStepping Number `json:"seconds_stepping"`
	SecondsTotal    Number `json:"seconds_total"` // of this process
	Version         string `json:"matsense_version"`
	Go              string `json:"go_version"`
	System          string `json:"system"`
	ResumedFrom     *int   `json:"resumed_from_iteration"`
}

// PhaseSummary has the metrics at the ends of phases I and II and at the start of the floor.
type PhaseSummary struct {
	AlignmentEnd *Metrics `json:"alignment_end"`
	SaddleEnd    *Metrics `json:"saddle_avoidance_end"`
	FloorStart   *Metrics `json:"floor_start"`
}

// SpectralSummary says how close the run came to the spectral method. Each angle is the largest principal
// angle between two subspaces of dimension r*, as its sine and in degrees.
type SpectralSummary struct {
	// EstimateAngle is the angle between the truth and the spectral estimate.
	EstimateAngle        Number `json:"estimate_to_truth"`
	EstimateAngleDegrees Number `json:"estimate_to_truth_degrees"`
	// EstimateOverlap is ‖V_XᵀV‖_F²/r*, where V spans the spectral estimate's subspace and V_X the truth's:
	// the part of the truth's subspace that lies in the estimate's.
	EstimateOverlap Number `json:"estimate_overlap"`
	// Eigenvalues has the r* + 1 largest eigenvalues (or singular values) of S = 1/m Σ y_i A_i, in descending
	// order, if method none makes an estimate of as many columns, else as many as that has; left out for
	// other methods.
	Eigenvalues []Eigenvalue `json:"eigenvalues,omitempty"`
	// AtAlignmentEnd is the angle between the factor at the end of phase I and the spectral estimate.
	AtAlignmentEnd        Number `json:"factor_to_estimate_at_alignment_end"`
	AtAlignmentEndDegrees Number `json:"factor_to_estimate_at_alignment_end_degrees"`
	// Closest is the least angle of all measured iterates to the spectral estimate, and ClosestIteration the
	// iteration that has it.
	Closest          Number `json:"factor_to_estimate_closest"`
	ClosestDegrees   Number `json:"factor_to_estimate_closest_degrees"`
	ClosestIteration int    `json:"factor_to_estimate_closest_iteration"`
	// Akin says that a measured iterate came within [AkinWithin] of the estimate. If it is false, either none
	// did, or none was measured at that time, or the estimate is so good that the two cannot be told apart.
	Akin bool `json:"akin_to_spectral_method"`
}

// Eigenvalue is one of the largest eigenvalues of S.
type Eigenvalue struct {
	Value Number `json:"eigenvalue"`
	// Overlap is ‖V_Xᵀv‖²: the part of its eigenvector v that lies in the truth's subspace.
	Overlap Number `json:"overlap"`
	// PredictedValue and PredictedOverlap are their limits as n and m grow together, for observation
	// multi-index ([config.Config.Predict]). In the bulk of the spectrum they are its edge and 0.
	PredictedValue   Number `json:"predicted_eigenvalue"`
	PredictedOverlap Number `json:"predicted_overlap"`
}

// eigenvaluesOf returns the largest eigenvalues of an estimate, with their predictions if there are any.
func eigenvaluesOf(c *config.Config, truth *sensing.Truth, est *solver.SpectralEstimate) (all []Eigenvalue) {
	nan := Number(math.NaN())
	count := min(c.FactorRank, c.Rank+1, len(est.Values()))
	for _, v := range est.Values()[:count] {
		all = append(all, Eigenvalue{Number(v), nan, nan, nan})
	}
	if truth != nil {
		for k, overlap := range est.Overlaps(truth, count) {
			all[k].Overlap = Number(overlap)
		}
	}
	if c.IsLinear() {
		return all
	}
	if p, err := c.Predict(); err == nil {
		for k, limit := range p.Top(count) {
			all[k].PredictedValue, all[k].PredictedOverlap = Number(limit.Value), Number(limit.Overlap)
		}
	}
	return all
}

// Plateau is a stretch of iterations along which Z is closer to the best approximation of M* of a rank than
// to those of other ranks ([solver.Plateau]).
type Plateau struct {
	Rank  int `json:"rank"`
	First int `json:"first_iteration"`
	Last  int `json:"last_iteration"`
	// Closest is the iteration at which the distance is least, and Distance this distance over ‖M*‖_F.
	Closest  int    `json:"closest_iteration"`
	Distance Number `json:"distance"`
}

// ProblemSummary repeats the sizes and the choice of the problem.
type ProblemSummary struct {
	N            int    `json:"n"`
	N2           int    `json:"n2"`
	Rank         int    `json:"rank"`
	Measurements int    `json:"measurements"` // that are fitted
	HeldOut      int    `json:"held_out"`
	FactorRank   int    `json:"factor_rank"`
	Ensemble     string `json:"ensemble"`
	Entries      string `json:"entries"`
	Observation  string `json:"observation"`
	// Noise is the standard deviation of the noise that was added to the observations, also if snr says its
	// size; 0 for user data.
	Noise Number `json:"noise"`
}

// SeedSummary repeats the seeds.
type SeedSummary struct {
	Seed      uint64 `json:"seed"`
	StartSeed uint64 `json:"start_seed"`
}

func degrees(sine float64) Number { return Number(math.Asin(sine) * 180 / math.Pi) }

// summarize gathers a finished run.
func summarize(p *Plan, d *config.Data, res *solver.Result, t solver.Trajectory) *Summary {
	c := &p.Config
	n1, n2 := c.Sides()
	s := &Summary{
		Status: res.Status, StatusText: statusText(c, res.Status),
		Iterations: res.Iteration, Steps: res.Steps, Kept: c.Keep,
		Final: MetricsOf(resultSample(c, res, t)), BestIterates: BestOf(t), Plateaus: []Plateau{},
		Problem: ProblemSummary{n1, n2, c.Rank, d.Problem.Ensemble.Measurements(), heldOut(d), c.FactorRank,
			c.Ensemble, c.Entries, c.Observation, Number(d.Problem.Noise)},
		Seeds: SeedSummary{c.Seed, c.StartSeed}, Data: d.Hashes,
		Device: p.Backend.Device(), Backend: p.Backend.Name(), Storage: p.Storage, Precision: c.Precision,
		MemoryPlanned:   Number(p.Bytes),
		SecondsStepping: Number(res.Seconds), Version: p.host.Version, Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH,
	}
	facts := factsOf(res, t)
	s.Advice = c.Advise(facts)
	s.addTruth(userFit(c, res.Opening), facts.ZeroLoss, c.HasSquaredLoss())
	// Method none makes an estimate, which has no phases.
	if truth := d.Problem.Truth; truth != nil && len(t) > 0 && !c.EstimatesOnly() {
		s.addPhases(c, truth, res.Spectral, t)
		recovered := res.Status != solver.Diverged && s.Final.TestError < RecoveredBelow &&
			s.Phases.SaddleEnd != nil && s.Phases.SaddleEnd.Iteration <= s.Final.Iteration
		if s.Truth == nil || !s.Truth.Contradicts {
			s.Recovered = &recovered
		}
	}
	s.addSpectral(d.Problem.Truth, res.Spectral, t)
	if s.Spectral != nil && res.Estimate != nil {
		s.Spectral.Eigenvalues = eigenvaluesOf(c, d.Problem.Truth, res.Estimate)
	}
	return s
}

// statusText says in a sentence how a run ended.
func statusText(c *config.Config, status solver.Status) string {
	if status == solver.Stalled {
		return fmt.Sprintf("The error had not fallen for %d steps, so the run stopped early.", c.Patience)
	}
	return status.Text()
}

// heldOut is the number of measurements that are held out.
func heldOut(d *config.Data) int {
	if d.Problem.HeldOut == nil {
		return 0
	}
	return d.Problem.HeldOut.Ensemble.Measurements()
}

// factsOf gathers what advice is given on. A run that diverged before its first sample began too large.
func factsOf(res *solver.Result, t solver.Trajectory) config.Facts {
	f := config.Facts{
		Status: res.Status, Size: res.Opening.Size, ZeroLoss: res.Opening.ZeroLoss,
		TruthLoss: res.Opening.TruthLoss, Spectral: res.Spectral,
		FirstLoss: math.Inf(1), LastLoss: math.NaN(),
	}
	if len(t) > 0 {
		f.FirstLoss, f.LastLoss = t[0].TrainLoss, t[len(t)-1].TrainLoss
	}
	return f
}

func (s *Summary) addPhases(c *config.Config, truth *sensing.Truth, est *solver.SpectralEstimate,
	t solver.Trajectory) {
	angle := math.NaN() // vectors have no spectral estimate
	if est != nil {
		angle = est.AngleTo(truth)
	}
	phases := t.Phases(truth, angle, solver.Thresholds{
		AlignmentMargin: c.AlignmentMargin, AlignmentSine: c.AlignmentSine,
		SignalFraction: c.SignalFraction, FloorFactor: c.FloorFactor,
	})
	at := func(i int) *Metrics {
		if i == solver.Never {
			return nil
		}
		m := MetricsOf(t[i])
		return &m
	}
	s.Phases = PhaseSummary{at(phases.AlignmentEnd), at(phases.SaddleEnd), at(phases.FloorStart)}
	for _, p := range t.Plateaus(truth) {
		closest := &t[p.Closest]
		s.Plateaus = append(s.Plateaus, Plateau{
			Rank: p.Rank, First: t[p.First].Iteration, Last: t[p.Last].Iteration,
			Closest: closest.Iteration, Distance: Number(closest.Value("learned_rank_error")),
		})
	}
}

// addSpectral says how close the factor came to the spectral estimate, if the angle was measured.
func (s *Summary) addSpectral(truth *sensing.Truth, est *solver.SpectralEstimate, t solver.Trajectory) {
	closest := -1
	for i := range t {
		if closest < 0 || t[i].SpectralAngle < t[closest].SpectralAngle {
			closest = i
		}
	}
	if closest < 0 || math.IsNaN(t[closest].SpectralAngle) {
		return
	}
	toTruth, overlap, atEnd := math.NaN(), math.NaN(), math.NaN()
	if truth != nil {
		toTruth, overlap = est.AngleTo(truth), est.OverlapWith(truth)
	}
	if m := s.Phases.AlignmentEnd; m != nil {
		atEnd = m.SpectralAngle
	}
	s.Spectral = &SpectralSummary{
		EstimateAngle: Number(toTruth), EstimateAngleDegrees: degrees(toTruth),
		EstimateOverlap: Number(overlap),
		AtAlignmentEnd:  Number(atEnd), AtAlignmentEndDegrees: degrees(atEnd),
		Closest: Number(t[closest].SpectralAngle), ClosestDegrees: degrees(t[closest].SpectralAngle),
		ClosestIteration: t[closest].Iteration,
	}
	const rounding = 1e-6 // of angles, if the truth is the whole space or the estimate is exact
	s.Spectral.Akin = toTruth > rounding && t[closest].SpectralAngle <= AkinWithin*toTruth
}

// write writes summary.json.
func (s *Summary) write(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

func ReadSummary(run string) (*Summary, error) {
	path := filepath.Join(run, summaryFile)
	text, err := userfile.ReadOwn(path, maxSummary)
	if err != nil {
		return nil, err
	}
	var s Summary
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return &s, nil
}
