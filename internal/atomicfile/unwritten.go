package atomicfile

import (
	"errors"
	"slices"
	"strings"
	"syscall"
)

// Unwritten is the error of something that could not be written.
type Unwritten struct {
	What []string // files, or "the last checkpoint"
	Err  error
}

func (u *Unwritten) Error() string {
	what := u.What[len(u.What)-1]
	if len(u.What) > 1 {
		what = strings.Join(u.What[:len(u.What)-1], ", ") + " and " + what
	}
	return what + " could not be written: " + u.cause()
}

func (u *Unwritten) Unwrap() error { return u.Err }

// cause is the system's reason, such as "no space left on device", without the names of temporary files.
func (u *Unwritten) cause() string {
	var errno syscall.Errno
	if errors.As(u.Err, &errno) {
		return errno.Error()
	}
	return u.Err.Error()
}

// Join is errors.Join, but of all that could not be written for one cause, such as a full disk, it makes one
// error.
func Join(errs ...error) error {
	var joined []error
	byCause := map[string]*Unwritten{}
	for _, err := range flat(errs) {
		u, ok := err.(*Unwritten) //nolint:errorlint // what wraps one says more, and stays as it is
		if !ok {
			joined = append(joined, err)
			continue
		}
		if first := byCause[u.cause()]; first != nil {
			first.What = append(first.What, u.What...)
			continue
		}
		first := &Unwritten{slices.Clone(u.What), u.Err}
		byCause[u.cause()] = first
		joined = append(joined, first)
	}
	return errors.Join(joined...)
}

// flat lists single errors, also those that were joined before.
func flat(errs []error) []error {
	var single []error
	for _, err := range errs {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			single = append(single, flat(several.Unwrap())...)
		} else if err != nil {
			single = append(single, err)
		}
	}
	return single
}
