//go:build !linux

package gpucheck

import (
	"context"
	"errors"
	"io"
)

func adopt() error { return errors.New("gpu-check runs on Linux only") }

func (p process) run(context.Context, io.Writer) ended { return ended{err: adopt()} }
