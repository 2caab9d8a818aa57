package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/view"
)

// writeReport writes the figures and the page of a run that has ended, and returns their paths.
func writeReport(
	out *experiment.Outcome, notice func(text string),
) (figures []string, page string, err error) {
	figures, failed := writeFigure(view.RunFigure(out.Run), filepath.Join(out.Dir, "trajectory"))
	if errors.Is(failed, report.ErrEmpty) {
		if !out.Config.EstimatesOnly() {
			notice(failed.Error())
		}
		failed = nil
	}
	page, err = writeRunPage(out.Run, out.Dir)
	return figures, page, atomicfile.Join(failed, err)
}

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

// writeFigure writes a figure to a file with the ending of a format, or as SVG and PNG to files with the
// endings added. The error is [report.ErrEmpty] if a run has nothing to draw.
func writeFigure(f view.Figure, path string) ([]string, error) {
	formats := []report.Format{report.SVG, report.PNG}
	ending := report.Format(strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")))
	given := ending == report.PDF || slices.Contains(formats, ending)
	if !given && isWord(string(ending)) {
		return nil, config.Usagef("figures are .svg, .png or .pdf, not .%s", ending)
	}
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

// isWord says whether the ending of a path names a format: it has letters only, unlike that of alpha-0.01.
func isWord(ending string) bool {
	return ending != "" && strings.IndexFunc(ending, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// printWritten tells the files that were written for people to look at.
func printWritten(env environment, paths []string, asJSON bool) {
	for _, path := range paths {
		switch {
		case !asJSON:
			fmt.Fprintln(env.out, path)
		case filepath.Ext(path) == ".html":
			printJSON(env.out, reportEvent{path})
		default:
			printJSON(env.out, figureEvent{path})
		}
	}
}
