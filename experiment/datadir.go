package experiment

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/internal/npy"
)

// DataDir is a folder of a run directory, or of a sweep's, in which data files may lie before the run begins,
// so that the directory has all that the run needs. If the run is replaced, so are its data files there.
const DataDir = "data"

// DataIn says whether one of several data files, given by absolute paths or "", lies in the [DataDir] of a
// directory.
func DataIn(dir string, files []string) bool {
	return slices.ContainsFunc(files, func(f string) bool { return isWithin(f, filepath.Join(dir, DataDir)) })
}

// ReplaceData removes the data files in the [DataDir] of a directory that belong to the run which is replaced
// and not to the new one. Other files stay.
func ReplaceData(dir string, old, replacement []string) error {
	folder := filepath.Join(dir, DataDir)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		among := func(files []string) bool {
			return slices.ContainsFunc(files, func(f string) bool {
				name := strings.Replace(filepath.Base(npy.File(f)), "%d", "*", 1) // of the files of a product
				same, _ := path.Match(name, e.Name())
				return same && isWithin(f, folder)
			})
		}
		if among(old) && !among(replacement) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	os.Remove(folder) // fails unless it is empty
	return err
}

// isWithin says whether a path, absolute or "", lies in a folder.
func isWithin(path, folder string) bool {
	absolute, err := filepath.Abs(folder)
	if err != nil || path == "" {
		return false
	}
	inside, err := filepath.Rel(absolute, path)
	return err == nil && filepath.IsLocal(inside)
}
