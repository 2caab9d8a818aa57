package report_test

import (
	"bytes"
	"fmt"
	"log"
	"math"
	"strings"

	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// A figure draws a trajectory. The formats are SVG and PNG, and the same trajectory gives the same bytes.
func ExampleFigure_Write() {
	var trajectory solver.Trajectory
	for i := range 5 {
		s := solver.NewSample(10 * i)
		s.TestError = math.Pow(10, -float64(i))
		trajectory = append(trajectory, s)
	}
	figure := report.Figure{Trajectory: trajectory, Title: "n = 20, r* = 2"}
	var svg bytes.Buffer
	if err := figure.Write(&svg, report.SVG); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(svg.String(), "<svg"), strings.Contains(svg.String(), "test error"))
	// Output: true true
}
