package serve_test

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/numtest"
	"github.com/matsense/matsense/solver"
)

// quiet is a progress that nobody watches.
type quiet struct{}

func (quiet) Notice(string)          {}
func (quiet) Begin(string, int, int) {}
func (quiet) Sample(solver.Sample)   {}

// runOf carries out a run and returns its directory.
func runOf(t *testing.T, settings object) string {
	t.Helper()
	c := config.Default()
	for key, v := range settings {
		f, _ := c.Field(key)
		if err := f.Set(fmt.Sprint(v), key); err != nil {
			t.Fatal(err)
		}
	}
	plan, err := experiment.NewPlan(c, server().Host)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := plan.Run(context.Background(), experiment.Options{Dir: dir}, quiet{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMetrics: the metrics of a run's result are, to the bit, those of the last line of its trajectory.csv,
// for every parametrization and for factors that are measured on the host and on the engine. The start has
// the metrics of the first line.
func TestMetrics(t *testing.T) {
	for _, x := range []struct {
		settings object
		files    []string
	}{
		{object{"n": 8, "rank": 2}, []string{"factor.npy"}},
		{object{"n": 20, "rank": 1, "singular-values": "5"}, []string{"factor.npy"}}, // on the engine
		{object{"n": 8, "rank": 2, "factor-rank": 3, "init": "spectral"}, []string{"factor.npy"}},
		{object{"n": 8, "n2": 6, "rank": 2, "parametrization": "uv", "singular-values": "all"},
			[]string{"factor.npy", "factor-right.npy"}},
		{object{"n": 6, "n2": 5, "rank": 2, "parametrization": "deep", "depth": 3},
			[]string{"factor-1.npy", "factor-2.npy", "factor-3.npy"}},
		{object{"n": 8, "rank": 2, "negative": 1, "parametrization": "indefinite"},
			[]string{"factor.npy", "factor-right.npy"}},
		{object{"n": 20, "sparsity": 2, "parametrization": "sparse", "measurements": 60},
			[]string{"factor.npy", "factor-right.npy"}},
		{object{"n": 10, "rank": 2, "ensemble": "completion", "measurements": 50, "hold-out": 0.2},
			[]string{"factor.npy"}},
		{object{"n": 8, "rank": 1, "observation": "single-index", "measurements": 200, "alpha": 1e-3},
			[]string{"factor.npy"}},
		{object{"n": 8, "rank": 2, "observation": "multi-index", "measurements": 2000},
			[]string{"factor.npy"}},
	} {
		x.settings["device"] = "cpu"
		t.Run(fmt.Sprint(x.settings), func(t *testing.T) {
			alone := object{"iterations": 40}
			if x.settings["observation"] == "multi-index" { // whose estimate takes no steps
				delete(alone, "iterations")
			}
			for key, v := range x.settings {
				alone[key] = v
			}
			dir := runOf(t, alone)
			f, err := os.Open(filepath.Join(dir, "trajectory.csv"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines, err := csv.NewReader(f).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			c := connect(t)
			opened := c.ask("open", object{"settings": x.settings})
			number := opened["problem"]
			var result, start []object
			for _, name := range x.files {
				u, err := npy.LoadMatrix(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				rows, cols := u.Dims()
				result = append(result, inline(rows, cols, u.RawMatrix().Data))
			}
			made := c.ask("start", object{"problem": number})["out"].([]any)
			for _, u := range made {
				start = append(start, u.(object))
			}
			compare := func(what string, line []string, factor []object) {
				a := c.ask("metrics", object{"problem": number, "factor": factor})
				metrics, sigma := a["metrics"].(object), floats(a["singular_values"])
				for i, name := range lines[0] {
					if name == "iteration" || name == "seconds" {
						continue
					}
					got := metrics[name]
					if k, is := strings.CutPrefix(name, "sigma_"); is {
						at, _ := strconv.Atoi(k)
						got = sigma[at-1]
					}
					want, err := strconv.ParseFloat(line[i], 64)
					if known, is := got.(float64); (err == nil) != is || is && known != want {
						t.Errorf("%s: %s is %v, and in the trajectory %q", what, name, got, line[i])
					}
				}
			}
			compare("result", lines[len(lines)-1], result)
			compare("start", lines[1], start)
		})
	}
}

// TestStart: a start is a run's, with the settings of the problem and those of the request, which may be of a
// smaller factor rank; it goes to shared memory or into the line.
func TestStart(t *testing.T) {
	c := connect(t)
	number := c.open(object{"n": 6, "rank": 2, "alpha": 0.5, "device": "cpu", "seed": 3})
	want := func(alpha float64, seed uint64, rank int) []float64 {
		f, err := solver.Random{Alpha: alpha, Seed: seed}.Factor([]solver.Shape{{Rows: 6, Cols: rank}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f[0].RawMatrix().Data
	}
	memory := c.share(40)
	c.ask("start", object{"problem": number, "out": []object{memory.at(2, 6, 6)}})
	if !numtest.SameBits(memory.data[2:38], want(0.5, 3, 6)) {
		t.Error("the start of the problem's settings is another one")
	}
	a := c.ask("start", object{"problem": number,
		"settings": object{"alpha": 0.25, "start-seed": 9, "factor-rank": 4}})
	if !numtest.SameBits(dataOf(a["out"].([]any)[0]), want(0.25, 9, 4)) {
		t.Error("the start of the request's settings is another one")
	}
	given := []float64{1, 2, 3, 4, 5, 6}
	a = c.ask("start", object{"problem": number, "settings": object{"init": npyFile(t, given, 6, 1)}})
	if got := dataOf(a["out"].([]any)[0]); !numtest.SameBits(got, given) {
		t.Errorf("the start of a file is %v", got)
	}
}

// TestStartWithoutFiles: once a problem is open, its data files may be gone. A start from a file may have a
// smaller rank than the problem, and its mistakes are those of a run.
func TestStartWithoutFiles(t *testing.T) {
	c := connect(t)
	for _, parametrization := range []string{"uv", "deep"} {
		s := newSample(5, 4, 30, false)
		settings := s.files(t)
		settings["parametrization"], settings["factor-rank"] = parametrization, 3
		if parametrization == "deep" {
			settings["depth"] = 2
		}
		number := c.open(settings)
		for _, key := range []string{"matrices", "observations"} {
			if err := os.Remove(settings[key].(string)); err != nil {
				t.Fatal(err)
			}
		}
		a := c.ask("start", object{"problem": number})
		if len(a["out"].([]any)) != 2 {
			t.Errorf("%s: a start has %v", parametrization, a)
		}
		if parametrization == "deep" {
			if alone := dataOf(a["out"].([]any)[0]); slices.Max(alone) < 1e-2 { // alpha is 0.1 for a product
				t.Errorf("the default start of a product is %v", alone)
			}
			a = c.ask("start", object{"problem": number, "settings": object{"init": "random"}})
			if alone := dataOf(a["out"].([]any)[0]); slices.Max(alone) < 1e-2 {
				t.Errorf("the default start of a product that is named is %v", alone)
			}
			continue
		}
		u, v := normals(rand.New(rand.NewPCG(1, 1)), 10), normals(rand.New(rand.NewPCG(2, 2)), 8)
		files := object{"init": npyFile(t, u, 5, 2), "init-right": npyFile(t, v, 4, 2)}
		a = c.ask("start", object{"problem": number, "settings": files})
		if out := a["out"].([]any); !numtest.SameBits(dataOf(out[0]), u) || !numtest.SameBits(dataOf(out[1]),
			v) {
			t.Errorf("the start of files is %v", out)
		}
		files["init-right"] = files["init"]
		a = c.request("start", object{"problem": number, "settings": files})
		if text := fmt.Sprint(a["error"]); !strings.Contains(text, "it must be (4, r)") {
			t.Errorf("a start of the wrong shape gives %s", text)
		}
		a = c.request("start", object{"problem": number, "settings": object{"init": "spectrl"}})
		if text := fmt.Sprint(a["error"]); !strings.Contains(text, "needs both init and init-right") {
			t.Errorf("a start that is not there gives %s", text)
		}
		a = c.ask("start", object{"problem": number, "settings": object{"init": "spectral"}})
		if len(dataOf(a["out"].([]any)[0])) != 15 {
			t.Errorf("a spectral start has %v", a)
		}
	}
}

// TestForms: an array may be given in every form, and comes back in the form that is asked for.
func TestForms(t *testing.T) {
	c := connect(t)
	number := c.open(object{"n": 2, "rank": 1, "measurements": 9, "device": "cpu"})
	u := []float64{1, -0.5, 0.1, math.Pi}
	memory := c.share(6)
	copy(memory.data[1:], u)
	base := base64.StdEncoding.EncodeToString(numtest.Encode("<f8", u))
	var want string
	for i, form := range []any{
		inline(2, 2, u), object{"data": [][]float64{u[:2], u[2:]}},
		object{"shape": []int{2, 2}, "data": [][]float64{u[:2], u[2:]}},
		object{"shape": []int{2, 2}, "base64": base}, memory.at(1, 2, 2),
	} {
		a := c.ask("value_and_grad", object{"problem": number, "factor": []any{[]any{form}}})
		delete(a, "seconds")
		if got := fmt.Sprint(a); i == 0 {
			want = got
		} else if got != want {
			t.Errorf("%v gives\n%s, not\n%s", form, got, want)
		}
	}
	plain := dataOf(c.ask("observations", object{"problem": number})["out"])
	a := c.ask("observations", object{"problem": number, "out": object{"as": "base64"}})
	if got := a["out"].(object)["base64"]; got !=
		base64.StdEncoding.EncodeToString(numtest.Encode("<f8", plain)) {
		t.Errorf("in base64 the observations are %v", got)
	}
	one := c.open(object{"n": 1, "rank": 1, "measurements": 1, "device": "cpu"})
	if text := c.line(fmt.Sprintf(`{"call":"value","problem":%v,"factor":[[{"data":2}]]}`, one)); strings.Contains(
		text, "error") {
		t.Errorf("a single number is no array: %s", text)
	}
	// A factor that is not finite has a value that is not finite either.
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		text := c.line(fmt.Sprintf(`{"id":1,"call":"value_and_grad","problem":%v,"factor":[[{"shape":[2,1],`+
			`"data":[1,"%s"]}]]}`, number, word))
		if !strings.HasPrefix(text, `{"id":1,"values":["NaN"]`) && !strings.HasPrefix(text,
			`{"id":1,"values":["Infinity"]`) {
			t.Errorf("f at %s is %s", word, text)
		}
		a := c.request("metrics", object{"problem": number, "factor": []object{{"shape": []int{2, 1},
			"data": []any{1, word}}}})
		if a["error"] != "factor: the factor, or f there, is NaN or infinite: it has no metrics" {
			t.Errorf("the metrics at %s are %v", word, a)
		}
	}
}

// TestMistakes: a bad request is answered by a sentence, and the session goes on.
func TestMistakes(t *testing.T) {
	c := connect(t)
	number := c.open(object{"n": 3, "rank": 1, "factor-rank": 2, "measurements": 9, "device": "cpu"})
	memory := c.share(12)
	good := inline(3, 2, make([]float64, 6))
	vg := func(factor, grad any) string {
		text, err := json.Marshal(object{"id": "x", "call": "value_and_grad", "problem": number,
			"factor": factor, "grad": grad})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	of := func(x object) any { return []any{[]any{x}} }
	for _, x := range []struct{ request, want string }{
		{`nonsense`, "the request is not JSON: invalid character 'o' in literal null (expecting 'u')"},
		{`{`, "the request is not JSON: unexpected end of JSON input"},
		{`[1]`, "a request is a JSON object, not a JSON array"},
		{`{"id":"x"}`, `a request has a member "call" with the name of a call`},
		{`{"id":"x","call":5}`, "call: this takes a text, not a JSON number"},
		{`{"id":"x","call":"valueandgrad"}`, `unknown call "valueandgrad"; did you mean "value_and_grad"?`},
		{`{"id":"x","call":"hello","protocol":2}`, "protocol: this is matsense v0, which speaks version 1 of the " +
			"protocol, not 2: install the same version of both programs"},
		{`{"id":"x","call":"close","problem":"1"}`, "problem: this takes a whole number, not a JSON string"},
		{`{"id":"x","call":"close","problem":4}`, "problem: there is no problem 4: open are [1]"},
		{`{"id":"x","call":"unshare","memory":4}`, "memory: there is no memory 4: open are [1]"},
		{`{"id":"x","call":"close","prblem":1}`, `unknown member "prblem"; did you mean "problem"?`},
		{`{"id":"x","call":"share","path":"/dev/null","bytes":8}`,
			"path: /dev/null is not a file that can be mapped"},
		{`{"id":"x","call":"share","path":"/dev/null","bytes":12}`,
			"bytes: the size of shared memory is a multiple of 8 from 8 to 70 TB, got 12"},
		{`{"id":"x","call":"open","settings":{"n":3},"members":0}`,
			"members goes from 1 to 4096, got 0"},
		{`{"id":"x","call":"open","settings":[3]}`,
			`settings: the settings are an object such as {"n": 200}`},
		{`{"id":"x","call":"open","settings":{"n":0,"rnk":1,"alpha":"x","step":-1,"seed":[1],"n":4}}`,
			"unknown key \"rnk\"; did you mean \"rank\"?\nalpha takes a number, got \"x\"\n" +
				"seed takes a single value\nn is given again\n" +
				"n goes from 1 to 65536, got 0\nstep must be positive, got -1"},
		{`{"id":"x","call":"open","settings":{"n":60000,"rank":1}}`, "this run needs"},
		{`{"id":"x","call":"start","problem":1,"settings":{"n":4,"alpha":1}}`,
			"n belongs to the problem, which is open: open another one"},
		{`{"id":"x","call":"start","problem":1,"settings":{"alpha":0}}`, "alpha must be positive, got 0"},
		{`{"id":"x","call":"start","problem":1,"settings":{"factor-rank":3},"out":[{"memory":1,"shape":[3,3]}]}`,
			"factor-rank goes up to 2 in this problem, got 3"},
		{`{"id":"x","call":"spectral","problem":1,"k":4}`, "k goes from 1 to 3, got 4"},
		{`{"id":"x","call":"apply","problem":1}`, "left, right: a matrix is given as left and right, whose " +
			"product left·rightᵀ it is, or as matrix"},
		{`{"id":"x","call":"adjoint","problem":1,"weights":{"data":[1,2]}}`,
			"weights: the array is 2 × 1 and must be 9 × 1"},
		{vg(of(inline(3, 3, make([]float64, 9))), nil),
			"factor[0]: the factor is [3 × 3]; it must be [3 × 2], or of a smaller factor rank"},
		{vg([]any{[]any{good, good}}, nil),
			"factor[0]: the factor is [3 × 2 3 × 2]; it must be [3 × 2], or of a smaller factor rank"},
		{vg([]any{[]any{}}, nil),
			"factor[0]: the factor is []; it must be [3 × 2], or of a smaller factor rank"},
		{vg([]any{[]any{nil}}, nil), "factor[0][0]: the array is missing"},
		{vg(of(object{"data": []any{1, nil}}), nil),
			`data: null is no number: write "NaN", "Infinity" or "-Infinity"`},
		{vg(of(object{"data": []any{1, "nan"}}), nil),
			`data: "nan" is no number that fits: the texts for others are "NaN", "Infinity" and "-Infinity"`},
		{vg(of(object{"data": []any{[]int{1, 2}, []int{1}}}), nil),
			"data: the rows of an array have the same length"},
		{vg(of(object{"data": []any{[]any{[]any{1}}}}), nil),
			"data: an array is a list of numbers or a list of rows"},
		{vg(of(object{"shape": []int{3, 2}, "data": []int{1}}), nil),
			"factor[0][0]: the shape has 6 numbers, and data has 1"},
		{vg(of(object{"shape": []int{3, 2}, "base64": "AAAA"}), nil),
			"factor[0][0]: the shape has 6 numbers of 8 bytes, and base64 has 3 bytes"},
		{vg(of(object{"shape": []int{3, 2}}), nil),
			"factor[0][0]: an array has memory, data or base64, and one of them only"},
		{vg(of(object{"data": []int{1}, "memory": 1}), nil), "factor[0]: the factor is [1 × 1]; it must be " +
			"[3 × 2], or of a smaller factor rank"},
		{vg(of(object{"memory": 1}), nil), "factor[0][0]: the array has no shape"},
		{vg(of(object{"memory": 1, "shape": []int{-3, -2}}), nil),
			"factor[0][0]: a shape is [rows, columns] or [length], got [-3 -2]"},
		{vg(of(object{"memory": 2, "shape": []int{3, 2}}), nil),
			"memory: there is no memory 2: open are [1]"},
		{vg(of(object{"memory": 1, "offset": 4, "shape": []int{3, 2}}), nil),
			"factor[0][0]: offset is a multiple of 8 bytes, got 4"},
		{vg(of(memory.at(7, 3, 2)), nil), "factor[0][0]: the array ends at byte 104, and memory 1 has 96 bytes"},
		{vg(of(object{"memory": 1, "offset": int64(math.MaxInt64 - 7), "shape": []int{3, 2}}), nil),
			"factor[0][0]: the array begins at byte 9223372036854775800, and memory 1 has 96 bytes"},
		{vg(of(good), []any{}), "grad: there are 1 factor and 0 gradients"},
		{vg(of(good), []any{[]any{}}), "grad[0]: the factor has 1 matrix, and 0 are given"},
		{vg(of(good), of(memory.at(0, 2, 2))),
			"grad[0][0]: the result is 3 × 2, and the shape of its place is [2 2]"},
		{vg(of(good), of(good)),
			"grad[0][0]: a result has no data: it names a place in shared memory, or nothing"},
		{vg(of(good), of(object{"as": "hex"})), `grad[0][0]: as is "base64" or missing, got "hex"`},
		{vg(of(memory.at(0, 3, 2)), of(memory.at(5, 3, 2))),
			"grad[0][0]: the place overlaps that of factor[0][0]"},
		{vg([]any{[]any{good}, []any{good}}, []any{[]any{memory.at(0, 3, 2)}, []any{memory.at(3, 3, 2)}}),
			"grad[1][0]: the place overlaps that of grad[0][0]"},
	} {
		var a struct {
			Error    string `json:"error"`
			ExitCode int    `json:"exit_code"`
		}
		answer := c.line(x.request)
		if err := json.Unmarshal([]byte(answer), &a); err != nil {
			t.Fatal(err)
		}
		if a.Error != x.want && (x.want != "this run needs" || !strings.HasPrefix(a.Error, x.want)) ||
			a.ExitCode != 2 {
			t.Errorf("%s\ngives %q, code %d\n and not %q", x.request, a.Error, a.ExitCode, x.want)
		}
		id := `{"id":"x",`
		if !strings.HasPrefix(x.request, id) && !strings.Contains(x.request, `"id":"x"`) {
			id = `{"id":null,`
		}
		if !strings.HasPrefix(answer, id) {
			t.Errorf("%s\nis answered with another id: %s", x.request, answer)
		}
	}
	c.ask("value", object{"problem": number, "factor": of(good)})
}

// TestCutMemory: a file that is made shorter while it is mapped costs the call, and not the server.
func TestCutMemory(t *testing.T) {
	c := connect(t)
	number := c.open(object{"n": 3, "rank": 1, "device": "cpu"})
	memory := c.share(1 << 12)
	if err := memory.file.Truncate(0); err != nil {
		t.Skipf("this system keeps the file: %v", err)
	}
	want := "the shared memory cannot be used any more: its file was made shorter"
	place := memory.at(512, 3, 3)
	for _, x := range []object{
		c.request("value", object{"problem": number, "factor": [][]object{{place}}}),
		c.request("apply", object{"problem": number, "left": place, "right": place}),
		c.request("start", object{"problem": number, "out": []object{place}}),
	} {
		if x["error"] != want {
			t.Errorf("the answer is %v", x)
		}
	}
	c.ask("unshare", object{"memory": memory.number})
	c.ask("start", object{"problem": number})
}

// TestProblems: several problems are open at one time, each with its own measurements, and closing one leaves
// the others.
func TestProblems(t *testing.T) {
	c := connect(t)
	var numbers []float64
	var want [][]float64
	y := func(number float64) []float64 {
		return dataOf(c.ask("observations", object{"problem": number})["out"])
	}
	for seed := range 3 {
		number := c.open(object{"n": 3, "rank": 1, "device": "cpu", "seed": seed + 1})
		numbers, want = append(numbers, number), append(want, y(number))
	}
	if slices.Equal(want[0], want[1]) || slices.Equal(want[1], want[2]) {
		t.Error("the problems have the same observations")
	}
	c.ask("close", object{"problem": numbers[1]})
	a := c.request("observations", object{"problem": numbers[1]})
	if a["error"] != "problem: there is no problem 2: open are [1 3]" {
		t.Errorf("a problem that was closed answers %v", a)
	}
	for _, i := range []int{2, 0} {
		if !numtest.SameBits(y(numbers[i]), want[i]) {
			t.Errorf("problem %d has other observations", i)
		}
	}
}

// TestNotes: open tells what a person should know, such as that a truth is no factor of the observations.
func TestNotes(t *testing.T) {
	c := connect(t)
	s := newSample(4, 4, 30, true)
	settings := s.files(t)
	settings["truth"] = npyFile(t, []float64{1, 0, 0, 0}, 4, 1)
	a := c.ask("open", object{"settings": settings})
	if notes := fmt.Sprint(a["notes"]); !strings.Contains(notes, "the truth does not explain the observations") {
		t.Errorf("the notes are %s", notes)
	}
	if a["rank"] != 1.0 || a["measurements"] != 30.0 || a["backend"] != "cpu" || a["storage"] != "memory" {
		t.Errorf("the problem is %v", a)
	}
}
