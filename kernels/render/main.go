// Command render writes every kernel to a folder, one file each, as a driver gets it:
//
//	go run ./kernels/render [-source] DIR
//
// With -source, the files also have the comments, for readers; the line numbers are the same.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/matsense/matsense/kernels"
)

func main() {
	source := flag.Bool("source", false, "keep the comments")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: render [-source] DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *source); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

// write writes the kernels to a folder, and makes the folder if necessary.
func write(dir string, source bool) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, k := range kernels.All() {
		text := k.Text
		if source {
			text = k.Source
		}
		if err := os.WriteFile(filepath.Join(dir, k.Name+".ptx"), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}
