package fit

import (
	"math"
	"testing"
)

// near fails if two numbers differ in the first nine digits.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestByHand: x = 1 … 5, y = 2.2, 4.1, 6.2, 7.8, 10.1. Sxx = 10, Sxy = 19.5, so the slope is 1.95 and the
// intercept 6.08 − 3·1.95 = 0.23. The residuals 0.02, −0.03, 0.12, −0.23, 0.12 have the sum of squares 0.083,
// so s² = 0.083/3, and Student's t has 3.182446305284263 at 97.5 % with three degrees of freedom.
func TestByHand(t *testing.T) {
	l, ok := Through([]float64{1, 2, 3, 4, 5}, []float64{2.2, 4.1, 6.2, 7.8, 10.1})
	if !ok || l.Points != 5 {
		t.Fatal(l, ok)
	}
	half := 3.182446305284263 * math.Sqrt(0.083/3/10)
	near(t, "the slope", l.Slope, 1.95)
	near(t, "the intercept", l.Intercept, 0.23)
	near(t, "the residual", l.Residual, math.Sqrt(0.083/3))
	near(t, "the lower end", l.Low, 1.95-half)
	near(t, "the upper end", l.High, 1.95+half)
	near(t, "R²", l.R2, 1-0.083/(1.95*1.95*10+0.083))
	near(t, "the line at 10", l.At(10), 19.73)
}

// TestPowerLaw: y = 3·x^1.3125 has the slope 1.3125 in logarithms, whatever the scale, with an interval of
// width 0.
func TestPowerLaw(t *testing.T) {
	var x, y []float64
	for e := -12.0; e <= -2; e++ {
		x = append(x, e*math.Ln10)
		y = append(y, math.Log(3*math.Pow(math.Pow(10, e), 21.0/16)))
	}
	l, _ := Through(x, y)
	near(t, "the slope", l.Slope, 21.0/16)
	near(t, "the interval's width", l.High-l.Low, 0)
	near(t, "the factor", math.Exp(l.Intercept), 3)
}

func TestFew(t *testing.T) {
	for _, x := range [][]float64{nil, {1}, {2, 2, 2}} {
		if l, ok := Through(x, make([]float64, len(x))); ok {
			t.Errorf("a line through %v: %v", x, l)
		}
	}
	l, ok := Through([]float64{0, 2}, []float64{1, 5})
	if !ok || l.Slope != 2 || !math.IsNaN(l.Low) || !math.IsNaN(l.High) {
		t.Errorf("two points: %+v, %v", l, ok)
	}
	if l, _ := Through([]float64{0, 1, 2}, []float64{4, 4, 4}); l.Slope != 0 || !math.IsNaN(l.R2) {
		t.Errorf("a level line: %+v", l)
	}
}

// TestMean: 2, 4, 4, 6 have the mean 4 and s² = 8/3; Student's t at 97.5 % with three degrees of freedom is
// 3.1824463.
func TestMean(t *testing.T) {
	mean, low, high := Mean([]float64{2, 4, 4, 6})
	half := 3.182446305284263 * math.Sqrt(8.0/3/4)
	near(t, "the mean", mean, 4)
	near(t, "the lower end", low, 4-half)
	near(t, "the upper end", high, 4+half)
}
