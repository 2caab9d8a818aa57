package config

import (
	"math"

	"github.com/matsense/matsense/sensing"
)

// mostSNR bounds the magnitude of snr. A ratio of 300 dB leaves less noise than rounding errors.
const mostSNR = 300

// hasSNR says whether a signal-to-noise ratio says the size of the noise.
func (c *Config) hasSNR() bool { return c.isDrawn() && !math.IsInf(c.SNR, 1) }

// checkSNR finds mistakes in the signal-to-noise ratio.
func (c *Config) checkSNR(m *Mistakes) {
	switch {
	case !c.hasSNR():
	case !(math.Abs(c.SNR) <= mostSNR):
		m.Bad("snr", "snr goes from -%d to %[1]d dB, or is inf for no noise, got %v", mostSNR, c.SNR)
	case c.Noise != 0:
		m.Bad("snr", "noise and snr are two ways to say the size of the noise: give one of them")
	case c.Observation != linear:
		m.Bad("snr", "snr compares the noise with ⟨A, M*⟩, and observation %s is not linear in M*: "+
			"give noise", c.Observation)
	}
}

// noiseRatio is the noise over the exact observations; 0 if noise says its size.
func (c *Config) noiseRatio() float64 {
	if !c.hasSNR() {
		return 0
	}
	return sensing.NoiseRatio(c.SNR)
}
