package gpucheck

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// mostBundle is the largest size of a bundle in bytes: a short visit has no time to copy more.
const mostBundle = 40_000_000

// bundleName is the name of the folder in the bundle.
const bundleName = "gpu-check"

const infoName = "bundle.json"

// bundleInfo describes the source from which a bundle was built.
type bundleInfo struct {
	Revision string `json:"revision"` // of git; empty if git does not know it
	Modified bool   `json:"modified"` // there were uncommitted changes
	Go       string `json:"go"`
}

// revision returns the revision as text.
func (i bundleInfo) revision() string {
	if i.Modified {
		return i.Revision + " with changes"
	}
	return i.Revision
}

func readBundleInfo(dir string) (i bundleInfo, err error) {
	text, err := os.ReadFile(filepath.Join(dir, infoName))
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(text, &i); err != nil {
		return i, fmt.Errorf("%s: %w", filepath.Join(dir, infoName), err)
	}
	return i, nil
}

// scripts are the programs in PyTorch, which lie in bench.
var scripts = []string{"torch_step.py", "torch_ensembles.py"}

// isBundle reports whether Build made a folder.
func isBundle(dir string) bool {
	for _, name := range append([]string{infoName, "matsense", "gpu.test", "cuda.test"}, scripts...) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// buildFolder builds all that a machine with a GPU needs, in an empty folder.
func buildFolder(ctx context.Context, source, dir string, progress io.Writer) error {
	headers, err := output(ctx, source, nil, "scripts/cuda-headers")
	if err != nil {
		return err
	}
	// export CGO_CFLAGS='…'
	flags := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(headers), "export CGO_CFLAGS='"), "'")
	cuda := []string{"CGO_ENABLED=1", "CGO_CFLAGS=" + flags}
	lean := []string{"-trimpath", "-ldflags", "-s -w"}
	for _, b := range []struct {
		args []string
		env  []string
		name string
		from string
	}{
		{[]string{"build"}, []string{"CGO_ENABLED=0"}, "gpu-check", "./internal/cmd/gpu-check"},
		{[]string{"build", "-tags", "cuda"}, cuda, "matsense", "./cmd/matsense"},
		{[]string{"test", "-c", "-tags", "cuda"}, cuda, "gpu.test", "./gpu"},
		{[]string{"test", "-c", "-tags", "cuda"}, cuda, "cuda.test", "./gpu/cuda"},
	} {
		fmt.Fprintf(progress, "building %s\n", b.name)
		args := append(append(b.args, lean...), "-o", filepath.Join(dir, b.name), b.from)
		if _, err := output(ctx, source, b.env, "go", args...); err != nil {
			return err
		}
	}
	// Tests read their data from the folder of their package.
	for name, pkg := range map[string]string{"gpu": "gpu", "cuda": "gpu/cuda"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
		data := filepath.Join(source, pkg, "testdata")
		if _, err := os.Stat(data); err != nil {
			continue
		}
		if err := os.CopyFS(filepath.Join(dir, name, "testdata"), os.DirFS(data)); err != nil {
			return err
		}
	}
	for _, name := range scripts {
		script, err := os.ReadFile(filepath.Join(source, "bench", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), script, 0o755); err != nil {
			return err
		}
	}
	info, err := json.Marshal(infoOf(ctx, source))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, infoName), append(info, '\n'), 0o644)
}

// infoOf asks git for the revision and Go for its version.
func infoOf(ctx context.Context, source string) (i bundleInfo) {
	if revision, err := output(ctx, source, nil, "git", "rev-parse", "HEAD"); err == nil {
		changes, err := output(ctx, source, nil, "git", "status", "--porcelain")
		i.Revision, i.Modified = strings.TrimSpace(revision), err != nil || changes != ""
	}
	version, _ := output(ctx, source, nil, "go", "env", "GOVERSION")
	i.Go = strings.TrimSpace(version)
	return i
}

// output runs a command in a folder and returns its output; the error contains the command's standard error.
func output(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	if strings.Contains(name, "/") {
		name = filepath.Join(dir, name)
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.Output()
	if err != nil {
		command := quoted(append([]string{filepath.Base(name)}, args...))
		return "", fmt.Errorf("%s: %w%s", command, err, stderrOf(err))
	}
	return string(out), nil
}

// packBundle packs a folder into a gzipped tar file, which every Linux can unpack, and returns its size. If
// the file would have most bytes or more, it returns an error and writes nothing.
func packBundle(dir, file string, most int) (int, error) {
	var out bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	t := tar.NewWriter(zipped)
	root := os.DirFS(dir)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() { // tests run in folders that may be empty
			return t.WriteHeader(&tar.Header{
				Name: path.Join(bundleName, name) + "/", Mode: 0o755, Typeflag: tar.TypeDir,
				ModTime: time.Unix(0, 0),
			})
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return addFile(t, path.Join(bundleName, name), int64(info.Mode().Perm()), content)
	})
	if err := errors.Join(err, t.Close(), zipped.Close()); err != nil {
		return 0, err
	}
	if out.Len() >= most {
		return 0, fmt.Errorf("the bundle has %.1f MB and must be below %.0f MB: leave out unneeded files",
			float64(out.Len())/1e6, float64(most)/1e6)
	}
	return out.Len(), writeFile(file, out.Bytes())
}
