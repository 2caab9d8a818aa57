// Package userfile reads files that a user names, whatever they turn out to be: a directory, a pipe, a device
// without end, a file of many gigabytes.
package userfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrTooLarge is the error of a file that has more bytes than are read of such a file.
var ErrTooLarge = errors.New("is too large for what it is")

// Read returns the content of a file of at most so many bytes, and otherwise an error. The file may be a
// pipe, as in --config <(command); no more than the bound is read of it.
func Read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := fmt.Errorf("%s %w: it has more than %d bytes", path, ErrTooLarge, most)
	if info.Mode().IsRegular() && info.Size() > most {
		return nil, tooLarge
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = tooLarge
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}

// ReadOwn is Read for files that this program has written: a pipe in place of one, for which Read would wait,
// is an error.
func ReadOwn(path string, most int64) ([]byte, error) {
	if err := CheckRegular(path); err != nil {
		return nil, err
	}
	return Read(path, most)
}

// CheckRegular returns an error if a file that is to be read more than once, such as a data file, cannot be:
// a directory, a pipe or a device.
func CheckRegular(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		var failed *fs.PathError
		if errors.As(err, &failed) {
			failed.Op = "open" // which is what the user asked for
		}
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file: it is read more than once, so save it to a file", path)
	}
	return nil
}
