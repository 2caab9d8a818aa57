package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Hashes returns the SHA-256 of the contents of each data file, by key. If a setting names several files,
// they count as one, in their order. A file is read once per process, and again only if it has changed.
func (c *Config) Hashes() (map[string]string, error) {
	hashes := map[string]string{}
	for _, f := range c.DataFiles() {
		if *f.Path == "" {
			continue
		}
		sum, err := sums.of(c.pathsOf(f))
		if err != nil {
			return nil, Usagef("%s: %v", c.At(f.Key), err)
		}
		hashes[f.Key] = sum
	}
	return hashes, nil
}

// HashOf returns one of [Config.Hashes], of the setting with a key.
func (c *Config) HashOf(key string) (string, error) { return sums.of(c.pathsOf(c.file(key))) }

// Missing lists the data files that a configuration file names and that are not there, each with the flag
// that says where it is.
func (c *Config) Missing() (problems []string) {
	for _, f := range c.DataFiles() {
		// A start without the ending of an array file may be a name that was mistyped.
		if *f.Path == "" || strings.HasPrefix(c.At(f.Key), "--") ||
			f.Key == "init" && filepath.Ext(*f.Path) != ".npy" {
			continue
		}
		if _, err := os.Stat(c.pathsOf(f)[0]); errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Sprintf("%s: %s %s is not there: say with --%s where it is now",
				c.At(f.Key), f.Key, *f.Path, f.Key))
		}
	}
	return problems
}

// Fingerprint is a hash of what decides the bits of a trajectory: all settings, except the number of
// iterations and the settings that change no bit. A data file counts by its contents, of which hashes has the
// SHA-256 by key, and not by its path. Without hashes it only counts that the setting names a file.
func (c *Config) Fingerprint(hashes map[string]string) string {
	files := map[string]bool{}
	for _, f := range c.DataFiles() {
		files[f.Key] = *f.Path != ""
	}
	h := sha256.New()
	for _, f := range c.Used() {
		switch {
		case f.MayChange():
		case files[f.Key]:
			fmt.Fprintf(h, "%s: sha256 %s\n", f.Key, hashes[f.Key])
		default:
			fmt.Fprintf(h, "%s: %s\n", f.Key, f.String())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sums are the hashes that this process has computed: the runs of a sweep read the same files.
var sums = contents{known: map[string]known{}}

// contents has the hashes of files, by their paths.
type contents struct {
	sync.Mutex
	known map[string]known
}

// known is a hash, with what the system said of the files when they were hashed.
type known struct {
	files []os.FileInfo
	sum   string
}

// settled is how long a file must have been left alone before its times tell whether it has changed: file
// systems keep them to the second, some to two.
const settled = 3 * time.Second

// of returns the SHA-256 of files, one after another.
func (s *contents) of(paths []string) (string, error) {
	s.Lock()
	defer s.Unlock()
	key := strings.Join(paths, "\x00")
	was, ok := s.known[key]
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		ok = ok && os.SameFile(info, was.files[i]) && info.Size() == was.files[i].Size() &&
			info.ModTime().Equal(was.files[i].ModTime())
	}
	if ok {
		return was.sum, nil
	}
	h := sha256.New()
	now := known{}
	calm := true
	for _, path := range paths {
		info, err := hashFile(h, path)
		if err != nil {
			return "", err
		}
		now.files = append(now.files, info)
		calm = calm && time.Since(info.ModTime()) > settled
	}
	now.sum = hex.EncodeToString(h.Sum(nil))
	delete(s.known, key)
	if calm {
		s.known[key] = now
	}
	return now.sum, nil
}

// hashFile adds a file's contents to a hash. It returns what the system said of the file before it was read.
func hashFile(h io.Writer, path string) (os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(h, f)
	return info, err
}
