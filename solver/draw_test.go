package solver_test

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

func TestDraw(t *testing.T) {
	for _, c := range []struct {
		draw  solver.Draw
		count int
	}{
		{solver.Draw{}, 5},
		{solver.Draw{Shift: solver.VectorSlot + 1}, 5},
		{solver.Draw{Rows: []int{0, 2, 2}}, 3},
		{solver.Draw{Rows: []int{4}, Shift: solver.VectorSlot}, 1},
	} {
		if err := c.draw.Check(5); err != nil {
			t.Errorf("%+v: %v", c.draw, err)
		}
		if got := c.draw.Count(5); got != c.count {
			t.Errorf("%+v has %d terms, want %d", c.draw, got, c.count)
		}
	}
	for want, d := range map[string]solver.Draw{
		"none of 5 measurements":        {Rows: []int{}},
		"not ascending from 0 to 4":     {Rows: []int{3, 2}},
		"ascending from 0 to 4":         {Rows: []int{3, 5}},
		"that are not ascending from 0": {Rows: []int{-1, 2}},
		"which is not a vector":         {Shift: solver.MethodSlot},
	} {
		if err := d.Check(5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got the error %v, want … %s …", d, err, want)
		}
	}
}
