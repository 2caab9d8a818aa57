package view

import (
	"io"

	"github.com/matsense/matsense/report"
)

// Figure is a figure of a run or a sweep, to be written to a file or shown on a page.
type Figure struct {
	// Name is the file's name without its ending.
	Name string
	// Chart is the figure for a page.
	Chart report.Chart

	drawing interface {
		Write(w io.Writer, format report.Format) error
	}
}

// Write draws the figure in a format.
func (f Figure) Write(w io.Writer, format report.Format) error { return f.drawing.Write(w, format) }
