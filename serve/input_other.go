//go:build !linux

package serve

import "io"

// polled returns the input as it is.
func polled(in io.Reader) (input io.Reader, closeInput func()) { return in, func() {} }
