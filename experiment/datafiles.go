package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/userfile"
)

// dataFile says which data files the run in a directory has read: a JSON object with a [source] for each
// setting that names one. A run without data files has none.
const dataFile = "data.json"

// source is a data file as a run directory remembers it.
type source struct {
	// Path is relative to the run directory, so that a folder which holds both can be moved.
	Path string `json:"path"`
	// Sum is the SHA-256 of the contents.
	Sum string `json:"sha256"`
}

// writeSources writes data.json, or removes it if the run reads no file.
func (r *running) writeSources() error {
	sources := map[string]source{}
	dir, err := filepath.Abs(r.dir)
	if err != nil {
		return err
	}
	for _, f := range r.plan.Config.DataFiles() {
		if *f.Path == "" {
			continue
		}
		path, err := filepath.Rel(dir, *f.Path)
		if err != nil { // on another volume
			path = *f.Path
		}
		sources[f.Key] = source{filepath.ToSlash(path), r.hashes[f.Key]}
	}
	if len(sources) == 0 {
		if err := os.Remove(filepath.Join(dir, dataFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return r.write(dataFile, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(sources)
	})
}

// dataPaths are the paths of the run's data files.
func (p *Plan) dataPaths() (paths []string) {
	for _, f := range p.Config.DataFiles() {
		paths = append(paths, *f.Path)
	}
	return paths
}

// replaceData removes the data files of the run that is replaced.
func (r *running) replaceData() error {
	dir, err := filepath.Abs(r.dir)
	if err != nil {
		return err
	}
	var old []string
	for _, s := range readSources(dir) {
		if path := filepath.FromSlash(s.Path); filepath.IsLocal(path) {
			old = append(old, filepath.Join(dir, path))
		}
	}
	return ReplaceData(dir, old, r.plan.dataPaths())
}

// readSources reads data.json. If it is missing or damaged, the summary of a run that has ended knows the
// contents, not the paths. Otherwise the fingerprints of checkpoints alone tell whether data have changed.
func readSources(dir string) map[string]source {
	text, err := userfile.ReadOwn(filepath.Join(dir, dataFile), config.MaxFile)
	var sources map[string]source
	if err == nil && json.Unmarshal(text, &sources) == nil {
		return sources
	}
	sources = map[string]source{}
	if s, err := ReadSummary(dir); err == nil {
		for key, sum := range s.Data {
			sources[key] = source{Sum: sum}
		}
	}
	return sources
}

// findData finds the data files of a run that is resumed or repeated where they are now. A file that lies
// as it did relative to the run directory, with the contents that the run has read, is taken first: it
// belongs to the folder that was moved or copied. Settings for which given is true stay as they are. It
// returns what is wrong: files with other contents than the run has read, and files that are not there.
func findData(c *config.Config, dir string, given func(key string) bool) (problems []string) {
	sources := readSources(dir)
	for _, f := range c.DataFiles() {
		known, ok := sources[f.Key]
		if !ok || *f.Path == "" {
			continue
		}
		if named := *f.Path; !given(f.Key) && known.Path != "" {
			*f.Path = filepath.FromSlash(known.Path)
			if !filepath.IsAbs(*f.Path) {
				if absolute, err := filepath.Abs(dir); err == nil {
					*f.Path = filepath.Join(absolute, *f.Path)
				}
			}
			if sum, err := c.HashOf(f.Key); err == nil && sum == known.Sum {
				continue
			}
			*f.Path = named
		}
		if sum, err := c.HashOf(f.Key); err == nil && sum != known.Sum {
			cure := "give the same data, or begin another run"
			if !given(f.Key) {
				cure = fmt.Sprintf("restore the file, or say with --%s where it is", f.Key)
			}
			problems = append(problems, fmt.Sprintf("%s: %s has other contents than the %s that the run in %s "+
				"has read: %s", c.At(f.Key), *f.Path, f.Key, dir, cure))
		}
	}
	return append(problems, c.Missing()...)
}
