package config

import (
	"math"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Loss is a loss of the residuals that a configuration can name.
type Loss struct {
	Entry
	// ScaleFree: the gradient at U = 0 does not depend on ‖M*‖, so that a step suits matrices of any size.
	ScaleFree bool
	// Complete fills in what follows from the size of the observations, once that is known; nil if nothing
	// does.
	Complete func(c *Config)
	// Make makes the loss of a configuration that was found valid.
	Make func(c *Config) solver.Loss
}

// squared is the loss where none is named. Config.Loss is then empty.
const squared = "squared"

// losses are all losses, as matsense list shows them.
var losses []Loss

func init() {
	losses = []Loss{
		{
			Entry: Entry{
				Name:  squared,
				About: "ρ(x) = x²/2: f = 1/(4m) Σ res²",
			},
			Make: func(*Config) solver.Loss { return solver.Squared{} },
		},
		{
			Entry: Entry{
				Name:       "l1",
				About:      "ρ(x) = |x|: f = 1/(2m) Σ |res|, which outliers change little",
				References: []Reference{ma2022, ding2021},
			},
			ScaleFree: true,
			Make:      func(*Config) solver.Loss { return solver.L1{} },
		},
		{
			Entry: Entry{
				Name:       "huber",
				About:      "ρ(x) = x²/2 up to a threshold δ, and δ·(|x| − δ/2) above",
				References: []Reference{huber1964},
				Settings:   []string{"huber-threshold"},
				Check:      (*Config).checkHuber,
			},
			Complete: (*Config).fillThreshold,
			Make:     func(c *Config) solver.Loss { return solver.Huber{Threshold: c.HuberThreshold} },
		},
	}
}

// LossName is the name of the loss.
func (c *Config) LossName() string {
	if c.Loss == "" {
		return squared
	}
	return c.Loss
}

// HasSquaredLoss says whether f is the mean of squares.
func (c *Config) HasSquaredLoss() bool { return c.LossName() == squared }

// NewLoss makes the loss of a configuration that was found valid.
func (c *Config) NewLoss() solver.Loss { return find(losses, c.LossName()).Make(c) }

// checkLoss checks the loss and its settings. The squared loss is the empty name in files, where it was
// before there were others.
func (c *Config) checkLoss(m *Mistakes) {
	m.OneOf("loss", c.LossName(), namesOf(losses)...)
	checkMember(c, m, "loss", losses, c.LossName())
	if c.Loss == squared {
		c.Loss = ""
	}
}

// defaultThreshold is the threshold of the Huber loss where none is given: a small part of an observation of
// a truth with ‖M*‖ = 1.
const defaultThreshold = 0.1

// completeLoss fills in what follows from the size of the observations.
func (c *Config) completeLoss() {
	if x := find(losses, c.LossName()); x != nil && x.Complete != nil {
		x.Complete(c)
	}
}

// fillThreshold makes the threshold a part of the size of the observations.
func (c *Config) fillThreshold() {
	if c.Given("huber-threshold") || c.HuberThreshold != 0 || c.Follows("huber-threshold") {
		return
	}
	size, observed := c.sizeSought()
	if c.HuberThreshold = defaultThreshold * size; observed {
		c.HuberThreshold = twoDigits(c.HuberThreshold)
	}
}

// checkHuber fills in the threshold, or leaves it to the files of user data.
func (c *Config) checkHuber(m *Mistakes) {
	if c.fillThreshold(); !c.Follows("huber-threshold") {
		m.Finite("huber-threshold", c.HuberThreshold, c.HuberThreshold > 0, "positive")
	}
}

// checkLossOfMethod refuses a method that is not defined for the loss, and mixed precision, whose anchors
// need a gradient that is affine in Z.
func (c *Config) checkLossOfMethod(m *Mistakes) {
	if find(methods, c.Method) == nil || find(losses, c.LossName()) == nil || c.HasSquaredLoss() {
		return
	}
	if solver.SuitsLoss(c.NewMethod(), c.NewLoss()) != nil {
		m.Bad("method", "method %s is defined for loss %s alone, not for %s", c.Method, squared, c.Loss)
	}
	switch c.Precision {
	case "mixed":
		m.Bad("precision", "the gradient of loss %s is computed in f64 or f32, not in mixed precision",
			c.Loss)
	case "auto":
		c.Precision = "f64"
	}
}

// defaultOutlierSize is the size of outliers where none is given: that of all observations is about 1.
const defaultOutlierSize = 10

// checkOutliers checks the outliers of drawn observations, and fills in their size.
func (c *Config) checkOutliers(m *Mistakes) {
	m.Finite("outliers", c.Outliers, c.Outliers >= 0 && c.Outliers <= 1, "a share from 0 to 1")
	if c.Outliers == 0 {
		if c.Given("outlier-size") && c.OutlierSize != 0 {
			m.Bad("outlier-size", "outlier-size is for observations with outliers: give outliers as well")
		}
		c.OutlierSize = 0
		return
	}
	if !c.Given("outlier-size") && c.OutlierSize == 0 {
		c.OutlierSize = defaultOutlierSize
	}
	m.Finite("outlier-size", c.OutlierSize, c.OutlierSize > 0 && c.OutlierSize <= sensing.Largest/10,
		"positive")
	if c.Observation != linear {
		m.Bad("outliers", "outliers are for observation %s, not %s", linear, c.Observation)
	}
}

// hasOutliers says whether some observations have outliers.
func (c *Config) hasOutliers() bool { return c.isDrawn() && c.Outliers != 0 }

// hasErrors says whether drawn observations have noise or outliers.
func (c *Config) hasErrors() bool { return c.Noise != 0 || c.hasSNR() || c.hasOutliers() }

// outliers are those of m observations.
func (c *Config) outliers(m int) sensing.Outliers {
	return sensing.Outliers{Count: int(math.Round(c.Outliers * float64(m))), Size: c.OutlierSize}
}
