package sweep

import (
	"fmt"
	"strconv"
	"strings"
)

// maxShards is the largest number of parts.
const maxShards = 1_000_000

// NamedPart is a part of a sweep that the user, Slurm or Kubernetes named. The zero value is the whole sweep,
// if nobody named a part.
type NamedPart struct {
	// Shard is the number of the part, from 0, and Shards how many parts there are.
	Shard, Shards int
	// By says who named the part: [ByFlag], [BySlurm] or [ByKubernetes].
	By string
	// FirstTask is the task of Slurm's array that does the first part; nil if Slurm did not name the part.
	FirstTask *int
}

// Who names a part.
const (
	ByFlag       = "flag"
	BySlurm      = "slurm"
	ByKubernetes = "kubernetes"
)

// ParseShard reads a text such as "3/8", the third of eight parts.
func ParseShard(text string) (NamedPart, error) {
	first, second, _ := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(first)
	n, err2 := strconv.Atoi(second)
	if err1 != nil || err2 != nil || n < 1 || n > maxShards || i < 1 || i > n {
		return NamedPart{}, fmt.Errorf("a shard is I/N with I from 1 to N, like 3/8, got %q", text)
	}
	return NamedPart{Shard: i - 1, Shards: n, By: ByFlag}, nil
}

const (
	shardsVariable     = "MATSENSE_SHARDS"
	slurmVariable      = "SLURM_ARRAY_TASK_ID"
	kubernetesVariable = "JOB_COMPLETION_INDEX"
)

// PartFromEnvironment finds out which part this process is to do, in a task of a Slurm array or in a pod of
// an indexed Kubernetes job. Elsewhere it returns the whole sweep. d is the division of the sweep in the
// directory of its results.
//
// MATSENSE_SHARDS is the number of parts. A Kubernetes job does not tell its pods how many there are, and
// needs it. Without it, a Slurm array that begins a sweep has consecutive tasks, one for each part. Any other
// array, such as one task that is sent again, does parts of the sweep as it is divided. A task whose part
// cannot be told for certain is refused.
func PartFromEnvironment(getenv func(string) string, d Division) (NamedPart, error) {
	var problem error
	number := func(name string) int {
		x, err := strconv.Atoi(getenv(name))
		if problem == nil && (err != nil || x < 0) {
			problem = fmt.Errorf("%s must be a whole number, got %q", name, getenv(name))
		}
		return x
	}
	parts := 0 // not given
	if getenv(shardsVariable) != "" {
		parts = number(shardsVariable)
		if problem == nil && (parts < 1 || parts > maxShards) {
			problem = fmt.Errorf("%s goes from 1 to %d, got %d", shardsVariable, maxShards, parts)
		}
	}
	slurm, kubernetes := getenv(slurmVariable) != "", getenv(kubernetesVariable) != ""
	switch {
	case slurm && kubernetes:
		return NamedPart{}, fmt.Errorf("both %s and %s are set: say which shard with --shard",
			slurmVariable, kubernetesVariable)
	case slurm:
		a := array{number(slurmVariable), number("SLURM_ARRAY_TASK_MIN"), number("SLURM_ARRAY_TASK_MAX"),
			number("SLURM_ARRAY_TASK_COUNT")}
		if problem != nil {
			return NamedPart{}, problem
		}
		return a.part(parts, d)
	case kubernetes:
		i := number(kubernetesVariable)
		switch {
		case problem != nil:
		case parts == 0:
			problem = fmt.Errorf("%s is set: set %s as well, to the job's completions", kubernetesVariable,
				shardsVariable)
		case i >= parts:
			problem = fmt.Errorf("%s is %d, and there are %d shards", kubernetesVariable, i, parts)
		}
		if problem != nil {
			return NamedPart{}, problem
		}
		return NamedPart{Shard: i, Shards: parts, By: ByKubernetes}, nil
	case problem == nil && parts > 1:
		problem = fmt.Errorf("%s is %d, but neither Slurm nor Kubernetes says which part this is: name it "+
			"with --shard, like --shard 1/%[2]d, or unset %[1]s", shardsVariable, parts)
	}
	return NamedPart{}, problem
}

// array is what Slurm tells a task of an array: its own id, the least and the largest id, and the number of
// tasks. For a task that was sent again alone, the array is this task.
type array struct{ id, first, last, count int }

func (a array) String() string {
	if a.count == 1 {
		return fmt.Sprintf("task %d alone", a.id)
	}
	return fmt.Sprintf("%d tasks from %d to %d", a.count, a.first, a.last)
}

// part finds out which part the task does. parts is MATSENSE_SHARDS, 0 if that is not set.
func (a array) part(parts int, d Division) (NamedPart, error) {
	if a.id < a.first || a.id > a.last || a.count < 1 {
		return NamedPart{}, fmt.Errorf("%s is %d, and the Slurm array is %s", slurmVariable, a.id, a)
	}
	consecutive := a.last-a.first+1 == a.count
	n := parts
	switch {
	case n > 0:
	case d.Parts > 0:
		n = d.Parts
	case !consecutive, a.count == 1 && a.id > 1, a.count > maxShards:
		return NamedPart{}, fmt.Errorf("the Slurm array is %s, and --out does not tell how many parts the "+
			"sweep has: name this part with --shard, like --shard 3/4, or begin with an array of "+
			"consecutive tasks, one for each part", a)
	default:
		n = a.count
	}
	first, err := a.firstOf(n, consecutive, d)
	if err != nil {
		return NamedPart{}, err
	}
	if a.first < first || a.last >= first+n {
		anew := ""
		if parts == 0 {
			anew = fmt.Sprintf("; %s divides anew what is not done", shardsVariable)
		}
		return NamedPart{}, fmt.Errorf("the Slurm array is %s, and the %d parts of the sweep are tasks %d "+
			"to %d%s", a, n, first, first+n-1, anew)
	}
	return NamedPart{Shard: a.id - first, Shards: n, By: BySlurm, FirstTask: &first}, nil
}

// firstOf returns the id of the task that does the first of n parts.
func (a array) firstOf(n int, consecutive bool, d Division) (int, error) {
	switch {
	case consecutive && a.count == n: // the array has all parts
		return a.first, nil
	case d.Parts == n && d.FirstTask != nil:
		return *d.FirstTask, nil
	case a.first == 0:
		return 0, nil
	case a.last >= n: // the n-th of n tasks has this id only if they count from 1
		return 1, nil
	}
	return 0, fmt.Errorf("task %d of the Slurm array is part %[1]d or part %d of %d, as tasks count from 1 "+
		"or from 0, and --out does not tell: say which with --shard %[1]d/%[3]d or --shard %[2]d/%[3]d",
		a.id, a.id+1, n)
}
