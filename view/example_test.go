package view_test

import (
	"bytes"
	"fmt"
	"log"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
	"github.com/matsense/matsense/view"
)

// RunPage makes a page of what a run's directory says. The page is one HTML file.
func ExampleRunPage() {
	c := config.Default()
	c.N, c.Rank = 20, 2
	if err := c.Validate(); err != nil {
		log.Fatal(err)
	}
	s := solver.NewSample(0)
	s.TrainLoss, s.TestError = 0.5, 1
	page, err := view.RunPage(&experiment.Run{Config: c, Trajectory: solver.Trajectory{s}})
	if err != nil {
		log.Fatal(err)
	}
	var html bytes.Buffer
	if err := page.Write(&html); err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.Title)
	fmt.Println(strings.Contains(html.String(), "<h1>"+page.Title))
	// Output:
	// Recovery of a 20 × 20 matrix of rank 2
	// true
}
