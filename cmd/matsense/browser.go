package main

import (
	"os"
	"os/exec"
	"runtime"
)

// browse opens an address in the user's browser, and says whether it has tried. It does not wait for it. On a
// machine without a screen, as over ssh, there is nothing to open.
func browse(address string) bool {
	var words []string
	remote := os.Getenv("SSH_CONNECTION") != "" || os.Getenv("SSH_TTY") != ""
	switch runtime.GOOS {
	case "windows":
		words = []string{"rundll32", "url.dll,FileProtocolHandler"}
	case "darwin":
		if !remote {
			words = []string{"open"}
		}
	default:
		// A screen that ssh forwards counts.
		if os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" {
			words = []string{"xdg-open"}
		}
	}
	if words == nil {
		return false
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return false
	}
	c := exec.Command(path, append(words[1:], address)...)
	apart(c)
	if c.Start() != nil {
		return false
	}
	go func() { _ = c.Wait() }() // so that the system forgets it
	return true
}
