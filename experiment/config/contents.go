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
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/matsense/matsense/internal/npy"
)

// FilesNamed says of each setting that may name a data file, by key, whether it does.
func (c *Config) FilesNamed() map[string]bool {
	named := map[string]bool{}
	for _, f := range c.DataFiles() {
		named[f.Key] = *f.Path != ""
	}
	return named
}

// Hashes returns the SHA-256 of the contents of each data file, by key. If a setting names several files,
// they count as one, in their order. A file is read once per process, and again only if it has changed.
func (c *Config) Hashes() (map[string]string, error) {
	hashes := map[string]string{}
	for _, f := range c.DataFiles() {
		if *f.Path == "" {
			continue
		}
		sum, err := sumOf(c.pathsOf(f))
		if err != nil {
			return nil, Usagef("%s: %v", c.At(f.Key), err)
		}
		hashes[f.Key] = sum
	}
	return hashes, nil
}

// HashOf returns one of [Config.Hashes], of the setting with a key.
func (c *Config) HashOf(key string) (string, error) { return sumOf(c.pathsOf(c.file(key))) }

// Missing lists the data files that a configuration file names and that are not there, each with the flag
// that says where it is.
func (c *Config) Missing() (problems []string) {
	for _, f := range c.DataFiles() {
		// A start without the ending of an array file may be a name that was mistyped.
		if *f.Path == "" || strings.HasPrefix(c.At(f.Key), "--") ||
			f.Key == "init" && filepath.Ext(*f.Path) != ".npy" {
			continue
		}
		path := c.pathsOf(f)[0]
		if _, err := os.Stat(npy.File(path)); errors.Is(err, fs.ErrNotExist) &&
			checkArrayIn(path, isText(f.Key)) == nil {
			problems = append(problems, fmt.Sprintf("%s: %s %s is not there: say with --%s where it is now",
				c.At(f.Key), f.Key, *f.Path, f.Key))
		}
	}
	return problems
}

// Fingerprint is a hash of what decides the bits of a trajectory: the settings of config.yaml, except the
// number of iterations and the settings that change no bit. The device counts by its kind. A setting without
// a meaning for the configuration does not count, so a later version may add settings to other methods and so
// on. A data file counts by its contents, of which hashes has the SHA-256 by key, and not by its path.
// Without hashes it only counts that the setting names a file.
func (c *Config) Fingerprint(hashes map[string]string) string {
	return c.fingerprint(hashes, DeviceKind(c.Device))
}

// OlderFingerprints lists the hashes that earlier versions may have given the configuration: in these the
// device counted by its name. They are those of this device's name, and of the usual names of its kind.
func (c *Config) OlderFingerprints(hashes map[string]string) (older []string) {
	kind := DeviceKind(c.Device)
	names := []string{c.Device}
	switch kind {
	case "cuda":
		names = append(names, kind+":all")
		for n := range mostNumbered {
			names = append(names, fmt.Sprint(kind, ":", n))
		}
	case "emulator":
		for _, count := range []int{1, 2, 4, 8} { // those that these versions had
			names = append(names, fmt.Sprint(kind, ":", count))
		}
	}
	for _, name := range names {
		if name != kind {
			older = append(older, c.fingerprint(hashes, name))
		}
	}
	return older
}

// mostNumbered is how many GPUs of a machine [Config.OlderFingerprints] considers.
const mostNumbered = 16

// fingerprint is the hash with a text for the device.
func (c *Config) fingerprint(hashes map[string]string, device string) string {
	files := c.FilesNamed()
	h := sha256.New()
	for _, f := range c.Applied() {
		switch {
		case f.MayChange():
		case c.Follows(f.Key) && f.Key == "step":
			fmt.Fprintf(h, "step: of the observations\n")
		case f.Key == "device":
			fmt.Fprintf(h, "device: %s\n", device)
		case files[f.Key]:
			fmt.Fprintf(h, "%s: sha256 %s\n", f.Key, hashes[f.Key])
		default:
			fmt.Fprintf(h, "%s: %s\n", f.Key, f.String())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sums are the hashes of data files.
var sums cache[string]

func sumOf(paths []string) (string, error) {
	return sums.of(paths, "", func() (string, error) {
		h := sha256.New()
		for _, path := range paths {
			if err := hashFile(h, path); err != nil {
				return "", err
			}
		}
		return hex.EncodeToString(h.Sum(nil)), nil
	})
}

// hashFile adds a file's contents to a hash; of a .npz file only those of the array that is named, if one is.
func hashFile(h io.Writer, path string) error {
	f, err := npy.OpenContents(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(h, f)
	return errors.Join(err, f.Close())
}

// cache keeps what this process has found out about files: the runs of a sweep all name the same.
type cache[T any] struct {
	sync.Mutex
	known map[string]known[T]
}

// known is what was found out, and what the system said of the files before they were read.
type known[T any] struct {
	files []os.FileInfo
	value T
}

// settled is how long a file must have been left alone before its times tell whether it has changed: some
// file systems keep them to two seconds.
const settled = 3 * time.Second

// of returns what read finds out about files, and does not read them again unless they have changed. The key
// says what else the answer depends on.
func (m *cache[T]) of(paths []string, key string, read func() (T, error)) (T, error) {
	m.Lock()
	defer m.Unlock()
	var none T
	key = strings.Join(append(slices.Clone(paths), key), "\x00")
	was, same := m.known[key]
	now := known[T]{}
	calm := true
	for i, path := range paths {
		info, err := os.Stat(npy.File(path))
		if err != nil {
			return read() // whose error says what was being done
		}
		now.files = append(now.files, info)
		calm = calm && time.Since(info.ModTime()) > settled
		same = same && os.SameFile(info, was.files[i]) && info.Size() == was.files[i].Size() &&
			info.ModTime().Equal(was.files[i].ModTime())
	}
	if same {
		return was.value, nil
	}
	delete(m.known, key)
	var err error
	if now.value, err = read(); err != nil {
		return none, err
	}
	if calm {
		if m.known == nil {
			m.known = map[string]known[T]{}
		}
		m.known[key] = now
	}
	return now.value, nil
}
