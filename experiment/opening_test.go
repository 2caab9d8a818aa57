package experiment

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// userProblem is a folder of a user's data: m Gaussian matrices A_i, n × n2, and what they see of matrices.
type userProblem struct {
	t        *testing.T
	dir      string
	m, n, n2 int
	a        []float64
}

func newUserProblem(t *testing.T, m, n, n2 int) *userProblem {
	u := &userProblem{t: t, dir: t.TempDir(), m: m, n: n, n2: n2, a: make([]float64, m*n*n2)}
	sensing.NewStream(5, sensing.EntriesStream).Normals(0, u.a)
	for i := 0; n == n2 && i < m; i++ { // square ones are symmetric
		a := mat.NewDense(n, n, u.a[i*n*n:][:n*n])
		for j := range n {
			for k := range j {
				a.Set(j, k, a.At(k, j))
			}
		}
	}
	u.save("A", u.a, m, n, n2)
	return u
}

// save writes an array, and returns its file.
func (u *userProblem) save(name string, values []float64, shape ...int) string {
	u.t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, shape, values); err != nil {
		u.t.Fatal(err)
	}
	path := filepath.Join(u.dir, name+".npy")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		u.t.Fatal(err)
	}
	return path
}

// matrix writes a matrix, and returns its file.
func (u *userProblem) matrix(name string, a mat.Matrix) string {
	u.t.Helper()
	rows, cols := a.Dims()
	return u.save(name, mat.DenseCopyOf(a).RawMatrix().Data, rows, cols)
}

// observe returns c·⟨A_i, Z⟩.
func (u *userProblem) observe(c float64, z mat.Matrix) []float64 {
	y := make([]float64, u.m)
	for i := range y {
		for j := range u.n {
			for k := range u.n2 {
				y[i] += c * u.a[(i*u.n+j)*u.n2+k] * z.At(j, k)
			}
		}
	}
	return y
}

// run carries out a run on observations, and returns its summary and the notes before its first step.
func (u *userProblem) run(y []float64, settings ...string) (*Summary, string) {
	u.t.Helper()
	c := configOf(u.t, append([]string{
		"matrices=" + filepath.Join(u.dir, "A.npy"), "observations=" + u.save("y", y, u.m),
		"measure-every=20",
	}, settings...)...)
	p, err := NewPlan(c, cpuHost(1e9))
	if err != nil {
		u.t.Fatal(err)
	}
	heard := &opening{}
	out, err := p.Run(context.Background(), Options{Dir: u.t.TempDir(), Force: true}, heard)
	if err != nil {
		u.t.Fatal(err)
	}
	return out.Summary, strings.Join(heard.notes, "\n")
}

// opening keeps the notes before the first sample.
type opening struct {
	silent
	notes []string
	begun bool
}

func (o *opening) Notice(text string) {
	if !o.begun {
		o.notes = append(o.notes, text)
	}
}
func (o *opening) Sample(solver.Sample) { o.begun = true }

// symmetricOf returns a symmetric n × n matrix with given eigenvalues, and its eigenvectors.
func symmetricOf(t *testing.T, n int, values ...float64) (z, vectors *mat.Dense) {
	t.Helper()
	truth, err := sensing.NewTruth(n, len(values), 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	z = new(mat.Dense)
	z.Product(truth.Basis(), mat.NewDiagDense(len(values), values), truth.Basis().T())
	return z, truth.Basis()
}

// factorOf returns X of XXᵀ with given eigenvalues.
func factorOf(vectors *mat.Dense, values ...float64) *mat.Dense {
	x := mat.DenseCopyOf(vectors)
	for j, v := range values {
		for i := range x.RawMatrix().Rows {
			x.Set(i, j, x.At(i, j)*math.Sqrt(v))
		}
	}
	return x
}

// flags returns a summary's advice as settings.
func flags(s *Summary) (settings []string) {
	if s.Advice != nil {
		for key, value := range s.Advice.Settings {
			settings = append(settings, fmt.Sprintf("%s=%v", key, value))
		}
	}
	return settings
}

// TestScaleOfTheData: on data of another scale a step of 0.25 stands still or diverges. The run says so
// before its first step and at its end, and whoever follows the advice recovers the truth. Without a step, it
// is the one that suits the data. Symptom: on data of size 10⁻³ the run ended with "Done", with the loss that
// it began with; ratings from 1 to 5 diverged.
func TestScaleOfTheData(t *testing.T) {
	const n = 8
	u := newUserProblem(t, 200, n, n)
	z, vectors := symmetricOf(t, n, 1, 0.6)
	for _, scale := range []float64{1e-12, 1e-3, 1e8} {
		truth := "truth=" + u.matrix("X", factorOf(vectors, scale, 0.6*scale))
		for _, known := range []bool{false, true} {
			settings := []string{"iterations=300"}
			if known {
				settings = append(settings, truth)
			}
			y := u.observe(scale, z)
			s, notes := u.run(y, append(settings, "step=0.25")...)
			if s.Advice == nil || s.Advice.Settings["step"] == nil || !strings.Contains(notes, "step") {
				t.Fatalf("scale %g, truth %v: advice %v, notes %q", scale, known, s.Advice, notes)
			}
			advised := flags(s)
			alone := slices.DeleteFunc(slices.Clone(advised), func(s string) bool {
				return strings.HasPrefix(s, "step=")
			})
			for _, more := range [][]string{advised, alone} {
				s, notes = u.run(y, append(append(settings, truth), more...)...)
				if s.Recovered == nil || !*s.Recovered || s.Advice != nil || notes != "" {
					t.Errorf("scale %g, truth %v: with %q %+v, advice %v, notes %q", scale, known, more, s.Final,
						s.Advice, notes)
				}
			}
		}
	}
}

// TestSignOfTheData: UUᵀ cannot explain a matrix with negative eigenvalues, and the run says so. If the
// largest is negative, the estimate shows it before the first step.
func TestSignOfTheData(t *testing.T) {
	const n = 8
	u := newUserProblem(t, 200, n, n)
	for _, c := range []struct {
		values []float64
		before bool
	}{
		{[]float64{-1, -0.6}, true},
		{[]float64{1, -0.7}, false},
	} {
		z, _ := symmetricOf(t, n, c.values...)
		y := u.observe(1, z)
		s, _ := u.run(y)
		if got := flags(s); len(got) != 1 || got[0] != "parametrization=indefinite" {
			t.Fatalf("%v: the advice is %v", c.values, got)
		}
		if _, notes := u.run(y, "rank=2"); strings.Contains(notes, "indefinite") != c.before {
			t.Errorf("%v: the notes are %q", c.values, notes)
		}
		zero := s.Final.TrainLoss
		if s, _ = u.run(y, flags(s)...); s.Advice != nil || !(s.Final.TrainLoss < 1e-6*zero) {
			t.Errorf("%v: after the advice the train loss is %v, advice %v", c.values, s.Final.TrainLoss, s.Advice)
		}
	}
	z, _ := symmetricOf(t, n, 1, 0.6)
	if s, notes := u.run(u.observe(1, z), "rank=2"); s.Advice != nil || notes != "" {
		t.Errorf("positive eigenvalues: advice %v, notes %q", s.Advice, notes)
	}
	s, notes := u.run(make([]float64, u.m))
	if !strings.Contains(notes, "observations are 0") || s.Advice == nil || len(s.Advice.Settings) != 0 {
		t.Errorf("zeros: advice %v, notes %q", s.Advice, notes)
	}
}

// TestTruthAgainstTheObservations: a truth that does not explain the observations is told before the first
// step, with the residual, and there is no verdict on its account. Symptom: for M in place of X the run was
// "Not recovered", with UUᵀ close to M.
func TestTruthAgainstTheObservations(t *testing.T) {
	const n = 8
	u := newUserProblem(t, 200, n, n)
	z, vectors := symmetricOf(t, n, 1, 0.6)
	full := mat.DenseCopyOf(z)
	for i := range n {
		full.Set(i, i, full.At(i, i)+1e-3)
	}
	noisy := u.observe(1, z)
	noise := make([]float64, u.m)
	sensing.NewStream(2, sensing.NoiseStream).Normals(0, noise)
	for i, w := range noise {
		noisy[i] += 0.02 * w
	}
	right := factorOf(vectors, 1, 0.6)
	other, err := sensing.NewTruth(n, 2, 1, 77)
	if err != nil {
		t.Fatal(err)
	}
	residual := func(x mat.Matrix, y []float64) float64 {
		var xx mat.Dense
		xx.Mul(x, x.T())
		var far, size float64
		for i, v := range u.observe(1, &xx) {
			far, size = far+(v-y[i])*(v-y[i]), size+y[i]*y[i]
		}
		return math.Sqrt(far / size)
	}
	for _, c := range []struct {
		name        string
		y           []float64
		truth       mat.Matrix
		says        string // in the notes; "" if there are none
		contradicts bool
	}{
		{"X", u.observe(1, z), right, "", false},
		{"X, noise", noisy, right, "the noise, if the truth is right", false},
		{"M", u.observe(1, full), full, "X.npy is M* itself", true},
		{"another's", u.observe(1, z), other.X(), "does not explain", true},
		{"half as much", u.observe(0.5, z), right, "It explains 2·y", true},
		{"minus", u.observe(-1, z), right, "It explains -1·y", true},
	} {
		s, notes := u.run(c.y, "truth="+u.matrix("X", c.truth), "iterations=400")
		want := residual(c.truth, c.y)
		if s.Truth == nil || math.Abs(float64(s.Truth.Residual)-want) > 1e-9 {
			t.Fatalf("%s: the residual is %+v, want %v", c.name, s.Truth, want)
		}
		if c.says == "" && notes != "" || !strings.Contains(notes, c.says) ||
			c.says != "" && !strings.Contains(notes, fmt.Sprintf("%.3g of ‖y‖", want)) {
			t.Errorf("%s: the notes are %q", c.name, notes)
		}
		if s.Truth.Contradicts != c.contradicts || (s.Recovered == nil) != c.contradicts {
			t.Errorf("%s: contradicts %v, recovered %v", c.name, s.Truth.Contradicts, s.Recovered)
		}
	}
}

// TestTruthOfTwoFactors: the same for UVᵀ and for UUᵀ − VVᵀ, whose truths are two files.
func TestTruthOfTwoFactors(t *testing.T) {
	u := newUserProblem(t, 200, 7, 5)
	truth, err := sensing.NewRectTruth(7, 5, 2, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	var m mat.Dense
	truth.Matrix(&m)
	right, wrong := u.matrix("right", truth.Right()), u.matrix("wrong", mat.NewDense(5, 2,
		[]float64{1, 0, 0, 1, 1, 1, 2, 0, 0, 2}))
	x := u.matrix("X", truth.X())
	for file, contradicts := range map[string]bool{right: false, wrong: true} {
		s, notes := u.run(u.observe(1, &m), "parametrization=uv", "truth="+x, "truth-right="+file,
			"iterations=300")
		told := strings.Contains(notes, "explain")
		if s.Truth == nil || s.Truth.Contradicts != contradicts || told != contradicts {
			t.Errorf("uv, %s: %+v, notes %q", filepath.Base(file), s.Truth, notes)
		}
	}

	u = newUserProblem(t, 200, 6, 6)
	z, vectors := symmetricOf(t, 6, 1, -0.7)
	abs := factorOf(vectors, 1, 0.7)
	signed := mat.DenseCopyOf(abs)
	for i := range 6 {
		signed.Set(i, 1, -signed.At(i, 1))
	}
	for name, y := range map[string]mat.Matrix{"signed": signed, "unsigned": abs} {
		s, _ := u.run(u.observe(1, z), "parametrization=indefinite", "truth="+u.matrix("X", abs),
			"truth-right="+u.matrix("Y", y), "iterations=300")
		if s.Truth == nil || s.Truth.Contradicts != (name == "unsigned") {
			t.Errorf("indefinite, %s: %+v", name, s.Truth)
		}
	}
}
