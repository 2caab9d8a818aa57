package experiment

import (
	"math"
	"testing"
)

func TestNumberJSON(t *testing.T) {
	for _, c := range []struct {
		n    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"},
		{5e-324, "5e-324"},
		{math.MaxFloat64, "1.7976931348623157e+308"}, {-1e-7, "-1e-7"}, {123456789012345678,
			"123456789012345680"},
		{math.NaN(), "null"}, {math.Inf(1), "null"}, {math.Inf(-1), "null"},
	} {
		text, err := Number(c.n).MarshalJSON()
		if err != nil || string(text) != c.want {
			t.Errorf("%v is written as %s, %v; want %s", c.n, text, err, c.want)
			continue
		}
		got := Number(99)
		if err := got.UnmarshalJSON(text); err != nil {
			t.Errorf("%s is read with %v", text, err)
		}
		if c.want == "null" {
			if !math.IsNaN(float64(got)) {
				t.Errorf("null is read as %v", got)
			}
		} else if math.Float64bits(float64(got)) != math.Float64bits(c.n) {
			t.Errorf("%s is read as %v, want %v", text, got, c.n)
		}
	}
	for _, text := range []string{`"1"`, "x", "", "[1]", "true", "1e999"} {
		var n Number
		if err := n.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, n)
		}
	}
}
