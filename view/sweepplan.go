package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

// namers says in words who named a part of a sweep.
var namers = map[string]string{
	sweep.ByFlag:       "--shard",
	sweep.BySlurm:      "Slurm's array",
	sweep.ByKubernetes: "Kubernetes' job",
}

// WriteSweepPlan says how many runs a sweep has, over which axes, and how much memory and time they take.
func WriteSweepPlan(w io.Writer, p *sweep.Plan) {
	runs := p.Count()
	var over []string
	for _, a := range p.Spec.Axes {
		over = append(over, fmt.Sprintf("%d × %s", a.Len(), strings.Join(a.Keys, " with ")))
	}
	for _, r := range []struct {
		n    int
		what string
	}{{p.Spec.Seeds, "seed"}, {p.Spec.StartSeeds, "start-seed"}} {
		if r.n > 0 {
			over = append(over, Count(r.n, r.what))
		}
	}
	fmt.Fprint(w, Count(len(p.Runs), "run"))
	if len(over) > 0 {
		fmt.Fprintf(w, " over %s", strings.Join(over, ", "))
	}
	fmt.Fprintln(w)
	if p.By != "" {
		fmt.Fprintf(w, "part %d of %d, by %s: %s\n", p.Shard+1, p.Shards, namers[p.By], Count(runs, "run"))
	}
	if runs == 0 { // there are more parts than runs
		return
	}
	if devices := p.Apart(); len(devices) > 0 {
		fmt.Fprintf(w, "each device takes runs of its own: %s\n", strings.Join(devices, ", "))
	}
	left := unknownTime
	if p.Estimate > 0 {
		left = "about " + Rounded(p.Estimate) + " on this machine for all iterations"
		if p.Counted {
			left += " (" + countedTime + ")"
		}
	}
	groups := Count(len(p.Part), "group") + " with measurements of their own"
	if p.AtOnce > 1 {
		groups += fmt.Sprintf(", %d at a time", p.AtOnce)
	}
	fmt.Fprintf(w, "%s, up to %s together, %s of memory for data, %s\n",
		groups, Count(p.Together, "run"), experiment.Bytes(p.Bytes), left)
}

// countedTime says how far to trust a plan's time that was not measured.
const countedTime = "from counted work and the device's typical rates: right within a factor of about three"

// unknownTime says that a plan has no estimate of its time.
const unknownTime = "how long it takes cannot be told before it has begun"
