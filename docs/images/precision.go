//go:build ignore

// Precision draws docs/images/precision.svg: the test error of one trajectory in f64, mixed and f32
// arithmetic. Run it with
//
//	go run docs/images/precision.go
package main

import (
	"context"
	"image/color"
	"log"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

const n, rank, m = 60, 2, 3600

func main() {
	p := plot.New()
	p.Title.Text = "n = 60, r* = 2, r = 60, m = 3600, q8 entries, α = 1e-12"
	p.X.Label.Text = "iteration"
	p.Y.Label.Text = "test error"
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.LogTicks{Prec: 1}
	p.Legend.Top, p.Legend.XOffs, p.Legend.YOffs = true, -10, -10
	p.Add(plotter.NewGrid())
	for _, c := range []struct {
		precision solver.Precision
		text      string
		color     color.Color
		width     vg.Length
		dashes    []vg.Length
	}{
		{solver.F64, "f64", color.RGBA{R: 0x9e, G: 0xc4, B: 0xe8, A: 0xff}, 5, nil},
		{solver.Mixed, "mixed", color.RGBA{R: 0x0b, G: 0x3c, B: 0x6f, A: 0xff}, 1.5, []vg.Length{6, 3}},
		{solver.F32, "f32", color.RGBA{R: 0xc2, G: 0x4d, B: 0x1a, A: 0xff}, 1.5, nil},
	} {
		line, err := plotter.NewLine(errorsOf(c.precision))
		if err != nil {
			log.Fatal(err)
		}
		line.Color, line.Width, line.Dashes = c.color, c.width, c.dashes
		p.Add(line)
		p.Legend.Add(c.text, line)
	}
	if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, "docs/images/precision.svg"); err != nil {
		log.Fatal(err)
	}
}

// errorsOf runs gradient descent and returns the test error at each iterate.
func errorsOf(precision solver.Precision) (xy plotter.XYs) {
	measurements, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.Q8, 1)
	if err != nil {
		log.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, rank, 1, 1)
	if err != nil {
		log.Fatal(err)
	}
	var t solver.Trajectory
	_, err = solver.Solve(context.Background(), &sensing.Problem{Ensemble: measurements, Truth: truth},
		cpu.Backend{Precision: precision}, solver.GD{StepSize: 0.25}, solver.Settings{
			Start: solver.Random{Alpha: 1e-12, Seed: 1}, Iterations: 400, MeasureEvery: 2, Recorder: &t,
		})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range t {
		xy = append(xy, plotter.XY{X: float64(s.Iteration), Y: s.TestError})
	}
	return xy
}
