// Package fit fits straight lines to points.
package fit

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Line is y = Intercept + Slope·x, by least squares.
type Line struct {
	Slope, Intercept float64
	// Low and High bound the slope with 95 % confidence if errors are independent, normal and of equal
	// variance. They are NaN for two points.
	Low, High float64
	// R2 is the share of the variance that the line explains; NaN if y does not vary.
	R2 float64
	// Residual is the standard deviation around the line, with two degrees of freedom removed; NaN for two
	// points.
	Residual float64
	// Points is the number of points.
	Points int
}

// Through fits a line to points; ok is false if fewer than two x differ.
func Through(x, y []float64) (l Line, ok bool) {
	mean, variance := stat.MeanVariance(x, nil)
	if len(x) < 2 || !(variance > 0) {
		return Line{}, false
	}
	l.Points = len(x)
	l.Intercept, l.Slope = stat.LinearRegression(x, y, nil, false)
	rest, spread, total := 0.0, 0.0, 0.0
	level := stat.Mean(y, nil)
	for i := range x {
		rest += square(y[i] - l.Intercept - l.Slope*x[i])
		spread += square(x[i] - mean)
		total += square(y[i] - level)
	}
	l.R2 = 1 - rest/total
	l.Low, l.High, l.Residual = math.NaN(), math.NaN(), math.NaN()
	if total == 0 {
		l.R2 = math.NaN()
	}
	if free := float64(len(x) - 2); free > 0 {
		l.Residual = math.Sqrt(rest / free)
		half := distuv.StudentsT{Sigma: 1, Nu: free}.Quantile(0.975) * l.Residual / math.Sqrt(spread)
		l.Low, l.High = l.Slope-half, l.Slope+half
	}
	return l, true
}

// At returns the line's y at x.
func (l Line) At(x float64) float64 { return l.Intercept + l.Slope*x }

func square(x float64) float64 { return x * x }

// Mean returns the mean of independent numbers and its 95 % confidence interval by Student's t.
func Mean(x []float64) (mean, low, high float64) {
	mean, deviation := stat.MeanStdDev(x, nil)
	n := float64(len(x))
	half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * deviation / math.Sqrt(n)
	return mean, mean - half, mean + half
}
