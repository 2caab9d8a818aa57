package config

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
)

func fileOf(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// arrayOf writes a .npy file of an array.
func arrayOf(t *testing.T, shape []int, numbers ...float64) string {
	t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, shape, numbers); err != nil {
		t.Fatal(err)
	}
	return fileOf(t, "a.npy", b.String())
}

// Triplets of the drawn entries of a drawn truth are the drawn problem: the same positions and observations,
// whether listed once, mirrored, or counted from 1.
func TestTripletsAreTheDrawnProblem(t *testing.T) {
	for _, rectangular := range []bool{false, true} {
		drawn := []string{"ensemble=completion", "n=12", "rank=2", "measurements=40", "factor-rank=3"}
		more := []string{}
		if rectangular {
			drawn, more = append(drawn, "parametrization=uv", "n2=9"), []string{"parametrization=uv"}
		}
		drawing := configOf(t, drawn...)
		if err := drawing.Check(); err != nil {
			t.Fatal(err)
		}
		want, err := drawing.Load()
		if err != nil {
			t.Fatal(err)
		}
		n1, n2 := drawing.Sides()
		z := mat.NewDense(n1, n2, nil)
		want.Problem.Truth.Matrix(z)
		rows, cols := want.Problem.Ensemble.(*sensing.Completion).Positions()
		list := "row,col,value\n"
		market := fmt.Sprintf("%%%%MatrixMarket matrix coordinate real general\n%d %d %d\n", n1, n2,
			len(rows))
		mirrored := 0
		for k := range rows {
			i, j := rows[k], cols[k]
			if !rectangular && k%2 == 1 {
				i, j = j, i
			}
			list += fmt.Sprintf("%d,%d,%v\n", i, j, z.At(int(i), int(j)))
			market += fmt.Sprintf("%d %d %v\n", i+1, j+1, z.At(int(i), int(j)))
			if !rectangular && i != j && k%3 == 0 {
				list += fmt.Sprintf("%d,%d,%v\n", j, i, z.At(int(i), int(j)))
				mirrored++
			}
		}
		for name, text := range map[string]string{"t.csv": list, "t.mtx": market} {
			sizes := []string{}
			if name == "t.csv" { // its largest index may be less
				if sizes = append(sizes, "n=12"); rectangular {
					sizes = append(sizes, "n2=9")
				}
			}
			c := configOf(t, append(append([]string{"triplets=" + fileOf(t, name, text), "factor-rank=3"},
				sizes...), more...)...)
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			got, err := c.Load()
			if err != nil {
				t.Fatal(err)
			}
			e := got.Problem.Ensemble.(*sensing.Completion)
			gotRows, gotCols := e.Positions()
			if fmt.Sprint(gotRows, gotCols) != fmt.Sprint(rows, cols) || c.Ensemble != "completion" ||
				c.Entries != "" {
				t.Errorf("%s: other positions", name)
			}
			for k, y := range got.Problem.Observations {
				i, j := int(rows[k]), int(cols[k])
				if want := e.Unit(i, j) * z.At(i, j); math.Abs(y-want) > 1e-14*math.Abs(want) {
					t.Errorf("%s: observation %d is %v, want %v", name, k, y, want)
				}
			}
			if len(got.Hashes["triplets"]) != 64 {
				t.Errorf("%s: hashes %v", name, got.Hashes)
			}
			told := strings.Join(got.Notices, "; ")
			if rectangular != (told == "") || !rectangular && (mirrored == 0 ||
				!strings.Contains(told, map[string]string{"t.csv": fmt.Sprint(mirrored, " entries are "+
					"listed on both "),
					"t.mtx": "none has a mirror image"}[name])) {
				t.Errorf("%s: notices %q", name, told)
			}
		}
	}
}

// Each mistake with own measurements is told, once, with what is wrong.
func TestUserDataMistakes(t *testing.T) {
	csv := fileOf(t, "t.csv", "0,0,1\n2,1,0.5\n")
	twice := fileOf(t, "t.csv", "0,0,1\n\n2,1,0.5\n1,2,0.25\n")
	rect := fileOf(t, "t.mtx", "%%MatrixMarket matrix coordinate real general\n3 2 1\n3 1 0.5\n")
	sym := fileOf(t, "t.mtx", "%%MatrixMarket matrix coordinate real symmetric\n3 3 1\n3 1 0.5\n")
	for _, c := range []struct {
		settings string
		want     []string
	}{
		{"triplets=" + csv, nil},
		{"triplets=" + csv + " n=3 measurements=2 ensemble=completion storage=memory precision=f64", nil},
		{"triplets=" + csv + " n=2", []string{"--triplets: " + csv + " lists number 2, counted from 0, and " +
			"n is 2"}},
		{"triplets=" + csv + " n=10000000000", []string{"--n is 10000000000, and triplets"}},
		{"triplets=" + csv + " parametrization=uv n2=1",
			[]string{"--triplets: " + csv + " lists number 1, counted from 0, and n2 is 1"}},
		{"triplets=" + csv + " measurements=3", []string{"--measurements is 3, and triplets"}},
		{"triplets=" + csv + " observations=" + csv,
			[]string{"--observations: triplets hold the observations themselves", "--observations: "}},
		{"triplets=" + csv + " ensemble=gaussian entries=f32 noise=1",
			[]string{"--noise is for a truth that is drawn", "--ensemble: user triplets are the completion ensemble",
				"--entries: user triplets are no rows of entries"}},
		{"triplets=" + csv + " storage=generated precision=mixed",
			[]string{"--storage generated is for measurements that are drawn one by one",
				"--precision: completion measurements are computed in f64"}},
		{"triplets=" + rect, []string{"--triplets " + rect + " has 1 entries of a 3 × 2 matrix; " +
			"matrices that are not square need parametrization uv"}},
		{"triplets=" + rect + " parametrization=uv", nil},
		{"triplets=" + rect + " parametrization=uv n=4", []string{"--n is 4, and triplets"}},
		{"triplets=" + sym, nil},
		{"triplets=" + sym + " parametrization=uv", []string{"--triplets: " + sym + " is symmetric"}},
		{"triplets=" + sym + " init=relu-spectral", nil},
		{"triplets=" + sym + " method=mirror-descent", nil},
		{"triplets=" + sym + " method=mirror-descent factor-rank=2",
			[]string{"--factor-rank: mirror-descent takes the logarithm of UUᵀ, which needs as many columns as n, 3"}},
		{"triplets=" + csv + " n=100 method=mirror-descent parametrization=indefinite factor-rank=2",
			[]string{"--factor-rank: mirror-descent takes the logarithm"}},
		{"triplets=" + csv + " n=9000 method=zeroth-order-newton factor-rank=2",
			[]string{"--factor-rank: zeroth-order-newton estimates the Hessian in all numbers of the factor"}},
		{"init=relu-spectral", []string{"--init: relu-spectral is a start for entries that are seen where " +
			"they are not negative"}},
		{"truth=X.npy", []string{"--truth: open X.npy: no such file"}},
		{"matrices=A.npy triplets=" + csv, []string{"--triplets: matrices and triplets are two ways",
			"--matrices: user matrices need"}},
	} {
		config := configOf(t, strings.Fields(c.settings)...)
		problems := problemsOf(t, config.Check())
		told := 0
		for _, want := range c.want {
			for _, p := range problems {
				if strings.HasPrefix(p, want) {
					told++
					break
				}
			}
		}
		if told != len(c.want) || len(problems) > len(c.want) {
			t.Errorf("%s: %q, want %q", c.settings, problems, c.want)
		}
	}
	repeated := configOf(t, "triplets="+twice)
	if err := repeated.Check(); err != nil {
		t.Fatal(err)
	}
	_, err := repeated.Load()
	if problems := problemsOf(t, err); len(problems) != 1 ||
		problems[0] != "--triplets: "+twice+": line 4: the entry (1, 2) is 0.25, and on line 3 its mirror "+
			"image (2, 1) is 0.5: in a symmetric matrix they are one entry. A matrix of users × items needs "+
			"parametrization uv" {
		t.Errorf("%v", err)
	}
}

// TestObservedEntries: what follows from other settings is filled in, or refused with the reason.
func TestObservedEntries(t *testing.T) {
	c := configOf(t, "ensemble=completion", "n=10")
	if problemsOf(t, c.Validate()); c.Measurements != 55 || c.Entries != "" || c.FactorRank != 10 {
		t.Errorf("m = %d, entries %q, factor-rank %d", c.Measurements, c.Entries, c.FactorRank)
	}
	relu := configOf(t, "ensemble=relu-completion", "n=30", "rank=2")
	// about half of 465
	if problemsOf(t, relu.Validate()); relu.Measurements <= 200 || relu.Measurements >= 265 {
		t.Errorf("relu-completion sees %d entries", relu.Measurements)
	}
	high := configOf(t, "ensemble=relu-completion", "n=30", "rank=2", "relu-threshold=0.5")
	if problemsOf(t, high.Validate()); high.Measurements >= relu.Measurements {
		t.Errorf("relu-completion sees %d entries above a threshold", high.Measurements)
	}
	again := configOf(t, "ensemble=relu-completion", "n=30", "rank=2", fmt.Sprint("measurements=",
		relu.Measurements))
	problemsOf(t, again.Validate())
	for settings, want := range map[string]string{
		"ensemble=completion n=10 measurements=56": "--measurements goes " +
			"from 1 to 55",
		"ensemble=completion n=100000 measurements=2000000000": "--measurements goes " +
			"from 1 to 1073741823",
		"ensemble=relu-completion n=30 relu-threshold=100": "--relu-threshold: no entry of the truth " +
			"reaches relu-threshold 100",
		"ensemble=relu-completion n=30 relu-threshold=nan": "--relu-threshold must be a number and finite",
		"relu-threshold=0.5": "--relu-threshold is for ensemble relu-completion",
		"ensemble=completion entries=f32": "--entries is for ensemble " +
			"gaussian or rademacher",
		"ensemble=completion n=16777217 rank=1": "--n goes from 1 to 16777216",
		"ensemble=relu-completion n=30 rank=2 measurements=100": "--measurements: relu-completion " +
			"sees the entries of the truth that reach",
		"ensemble=relu-completion n=32769":     "--n goes from 1 to 32768",
		"ensemble=gaussian n=100000":           "--n goes from 1 to 65536",
		"ensemble=gaussian init=relu-spectral": "--init: relu-spectral is a start",
		"ensemble=completion precision=f32": "--precision: completion measurements " +
			"are computed in f64",
		"ensemble=completion parametrization=uv n=5 n2=9999999999": "--n2 goes from 1 to 16777216",
		"ensemble=completion init=spectral factor-rank=99999999 n=9": "--factor-rank goes " +
			"from 1 to 16777216",
	} {
		config := configOf(t, strings.Fields(settings)...)
		problems := problemsOf(t, config.Validate())
		if len(problems) == 0 || !strings.HasPrefix(problems[0], want) {
			t.Errorf("%s: %q, want %q", settings, problems, want)
		}
	}
}

// TestDefaultStepOfData: the default step is divided by the root mean square of the user's observations, to
// two digits. Symptom: ratings from 1 to 5 diverged with the default step.
func TestDefaultStepOfData(t *testing.T) {
	y := " observations=" + arrayOf(t, []int{2}, 30, -40) // root mean square √1250 = 35.36
	matrices := "matrices=" + arrayOf(t, []int{2, 2, 2}, 1, 0, 0, 1, 0, 1, 1, 0) + y
	vectors := "vectors=" + arrayOf(t, []int{2, 2}, 1, 2, 3, 4) + y
	// Entries have the unit √(n1·n2) = √6: the root mean square is √6·√12.5 = 8.66.
	list := "triplets=" + fileOf(t, "list.csv", "0,0,3\n1,2,4\n") + " parametrization=uv n=2 n2=3"
	words := "paulis=" + fileOf(t, "words.csv", "X,0.5\nZ,-0.5\n") // the unit is √(3/2): 0.612
	bare := "paulis=" + fileOf(t, "bare.csv", "X\nZ\n") + " expectations=" + arrayOf(t, []int{2}, 0.5, -0.5)
	deep := matrices + " parametrization=deep depth=3"
	for settings, want := range map[string]float64{
		matrices: 0.0071, list: 0.029, words: 0.41, bare: 0.41, vectors: 0.0071,
		vectors + " rank=2":                          0.0071, // Σ y² has the trace of M*
		vectors + " rank=2 method=scaled-gd":         0.0625,
		matrices + " step=0.25":                      0.25,
		matrices + " method=polyak-gd":               0.028,
		matrices + " method=scaled-gd factor-rank=2": 0.25,
		matrices + " method=adam":                    0.001,
		matrices + " loss=l1":                        0.25,
		matrices + " method=weight-normalization":    0.0004, // 0.5/1250; polar
		deep: 0.0022, // 0.25/35.36^(4/3) = 0.002153
		"spectrum=64 parametrization=deep depth=3": 0.25 / 256, // 64^(4/3)
	} {
		if strings.Contains(settings, "weight-normalization") {
			settings += " parametrization=polar"
		}
		c := configOf(t, strings.Fields(settings)...)
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", settings, err)
			continue
		}
		if !(math.Abs(c.Step/want-1) < 1e-12) {
			t.Errorf("%s: the step is %v, want %v", settings, c.Step, want)
		}
	}
}

// TestFollows: what follows from files is not known before they are read, and counts as such. The threshold
// of the Huber loss and the adversary's step follow as the step does.
func TestFollows(t *testing.T) {
	list := "triplets=" + fileOf(t, "list.csv", "0,0,3\n1,2,4\n") // 3.5355 √6 = 8.66 is their size
	c := configOf(t, strings.Fields(list+" parametrization=uv loss=huber")...)
	given := configOf(t, strings.Fields(list+" parametrization=uv loss=huber step=0.25")...)
	for _, c := range []*Config{&c, &given} {
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Follows("step") || !c.Follows("n") || c.Follows("alpha") || given.Follows("step") ||
		c.Fingerprint(nil) == given.Fingerprint(nil) {
		t.Error("a step that is not known yet is taken for one that was given")
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if c.Follows("step") || c.Step != 0.029 || c.HuberThreshold != 0.87 {
		t.Errorf("step %v, threshold %v", c.Step, c.HuberThreshold)
	}
	if err := given.Check(); err != nil || given.Step != 0.25 || given.HuberThreshold != 0.87 {
		t.Errorf("with a step that is given %v, threshold %v: %v", given.Step, given.HuberThreshold, err)
	}
	game := configOf(t, "vectors="+arrayOf(t, []int{3, 2}, 1, 2, 3, 4, 5, 6), "method=rgda", "rank=1",
		"observations="+arrayOf(t, []int{3}, 1, 2, 3), "factor-rank=1", "init=spectral")
	if err := game.Check(); err != nil || game.Step != 0.25/3 || game.AdversaryStep != game.Step {
		t.Errorf("adversary-step %v, step %v: %v", game.AdversaryStep, game.Step, err)
	}
	tiny := configOf(t, "triplets="+fileOf(t, "tiny.csv", "0,0,1e-200\n1,0,1e-200\n1,1,1e-200\n"),
		"parametrization=polar", "method=weight-normalization")
	if err := tiny.Check(); err != nil || tiny.Step != 0.5 {
		t.Errorf("step %v: %v", tiny.Step, err)
	}
}
