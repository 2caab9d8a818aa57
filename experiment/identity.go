package experiment

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/matsense/matsense/experiment/config"
)

// identity says which run a checkpoint belongs to. Checkpoints of another fingerprint are refused; if only
// madeBy differs, the last bits of the trajectory may differ.
type identity struct {
	fingerprint string          // a hash of the configuration and its data
	madeBy      string          // the program's build, and the backend if it is not the cpu
	older       func() []string // the fingerprints of earlier versions; nil for none
}

// accepts says whether a checkpoint with a fingerprint belongs to the run.
func (id identity) accepts(fingerprint string) bool {
	return fingerprint == id.fingerprint || id.older != nil && slices.Contains(id.older(), fingerprint)
}

// identity returns the identity of the run's checkpoints. The cpu gives the same bits on any processor with
// any number of workers, and a GPU backend gives the same bits on any model and on any number of GPUs: none
// of these is part of the identity.
func (p *Plan) identity(d *config.Data) identity {
	c, hashes := p.Config, d.Hashes
	id := identity{c.Fingerprint(hashes), build(), func() []string { return c.OlderFingerprints(hashes) }}
	if p.Backend.Name() != "cpu" {
		id.madeBy += " " + p.Backend.Name()
	}
	return id
}

// build names the Go version and the platform, on which the last bits of arithmetic depend.
func build() string {
	return fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
