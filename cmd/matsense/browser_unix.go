//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart has a command run in a session of its own: Ctrl-C in the terminal must not end the user's browser.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
