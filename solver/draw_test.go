package solver_test

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

func TestDraw(t *testing.T) {
	type summed struct {
		i             int
		weight, shift float64
	}
	for _, c := range []struct {
		draw  solver.Draw
		count int
		k     int
		want  summed
	}{
		{solver.Draw{}, 5, 3, summed{3, 1, 0}},
		{solver.Draw{Rows: []int{0, 2, 2}}, 3, 2, summed{2, 1, 0}},
		{solver.Draw{Rows: []int{0, 4}, Weights: []float64{2, 3}, Shift: []float64{-1, 0.5}}, 2, 1,
			summed{4, 3, 0.5}},
		{solver.Draw{Weights: []float64{1, 2, 3, 4, 5}}, 5, 1, summed{1, 2, 0}},
		{solver.Draw{Shift: []float64{1, 2, 3, 4, 5}}, 5, 4, summed{4, 1, 5}},
	} {
		if err := c.draw.Check(5); err != nil {
			t.Errorf("%+v: %v", c.draw, err)
		}
		i, weight, shift := c.draw.At(c.k)
		if got := (summed{i, weight, shift}); got != c.want || c.draw.Count(5) != c.count {
			t.Errorf("%+v: the one at %d of %d is %+v, want %+v", c.draw, c.k, c.draw.Count(5), got, c.want)
		}
	}
	for want, d := range map[string]solver.Draw{
		"none of 5 measurements":        {Rows: []int{}},
		"3 weights and 0 shifts":        {Weights: make([]float64, 3)},
		"0 weights and 1 shifts":        {Rows: []int{1, 2}, Shift: make([]float64, 1)},
		"not ascending from 0 to 4":     {Rows: []int{3, 2}},
		"ascending from 0 to 4":         {Rows: []int{3, 5}},
		"that are not ascending from 0": {Rows: []int{-1, 2}},
	} {
		if err := d.Check(5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got the error %v, want … %s …", d, err, want)
		}
	}
}
