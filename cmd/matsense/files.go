package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/view"
)

// writeRunPage writes a run's report.html and returns its path.
func writeRunPage(r *experiment.Run, dir string) (string, error) {
	page, err := view.RunPage(r)
	if err != nil {
		return "", err
	}
	return writePage(dir, page)
}

// writePage writes a directory's report.html and returns its path.
func writePage(dir string, page report.Page) (string, error) {
	path := filepath.Join(dir, "report.html")
	if err := atomicfile.Write(path, page.Write); err != nil {
		return "", &atomicfile.Unwritten{What: []string{path}, Err: err}
	}
	return path, nil
}

// writeFigure writes a figure to a file with the ending of a format, or in both formats to files with the
// endings added. The error is [report.ErrEmpty] if a run has nothing to draw.
func writeFigure(f view.Figure, path string) ([]string, error) {
	formats := []report.Format{report.SVG, report.PNG}
	ending := report.Format(strings.TrimPrefix(filepath.Ext(path), "."))
	given := slices.Contains(formats, ending)
	if given {
		formats = []report.Format{ending}
	}
	var paths []string
	for _, format := range formats {
		to := path
		if !given {
			to += "." + string(format)
		}
		err := atomicfile.Write(to, func(w io.Writer) error { return f.Write(w, format) })
		if errors.Is(err, report.ErrEmpty) {
			return nil, report.ErrEmpty
		}
		if err != nil {
			return nil, &atomicfile.Unwritten{What: []string{to}, Err: err}
		}
		paths = append(paths, to)
	}
	return paths, nil
}

// printWritten tells the files that were written for people to look at.
func printWritten(env environment, paths []string, asJSON bool) {
	for _, path := range paths {
		switch {
		case !asJSON:
			fmt.Fprintln(env.out, path)
		case filepath.Ext(path) == ".html":
			printJSON(env.out, map[string]any{"event": "report", "path": path})
		default:
			printJSON(env.out, map[string]any{"event": "figure", "path": path})
		}
	}
}
