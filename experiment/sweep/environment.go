package sweep

import (
	"fmt"
	"strconv"
	"strings"
)

// maxShards is the largest number of parts.
const maxShards = 1_000_000

// ParseShard reads a text such as "3/8", the third of eight parts. [Shard] counts parts from 0, so that i is
// 2 and n is 8.
func ParseShard(text string) (i, n int, err error) {
	first, second, _ := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(first)
	n, err2 := strconv.Atoi(second)
	if err1 != nil || err2 != nil || n < 1 || n > maxShards || i < 1 || i > n {
		return 0, 0, fmt.Errorf("a shard is I/N with I from 1 to N, like 3/8, got %q", text)
	}
	return i - 1, n, nil
}

// ShardFromEnvironment finds out which part this process is to do, in a task of a Slurm array or in a pod of
// an indexed Kubernetes job; ok is false elsewhere.
//
// The tasks of a Slurm array have consecutive ids, which may begin at any number; there are as many parts as
// tasks. If MATSENSE_SHARDS is set, it is the number of parts, and ids count from 0, so that single tasks can
// be submitted again. A Kubernetes job does not tell its pods how many there are, and needs MATSENSE_SHARDS.
func ShardFromEnvironment(getenv func(string) string) (i, n int, ok bool, err error) {
	var problem error
	number := func(name string) int {
		x, err := strconv.Atoi(getenv(name))
		if err != nil || x < 0 {
			problem = fmt.Errorf("%s must be a whole number, got %q", name, getenv(name))
		}
		return x
	}
	const shards, slurm, kubernetes = "MATSENSE_SHARDS", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"
	index := ""
	switch {
	case getenv(slurm) != "" && getenv(kubernetes) != "":
		return 0, 0, false, fmt.Errorf("both %s and %s are set: say which shard with --shard",
			slurm, kubernetes)
	case getenv(slurm) != "":
		index = slurm
	case getenv(kubernetes) != "":
		index = kubernetes
	default:
		return 0, 0, false, nil
	}
	i = number(index)
	switch {
	case getenv(shards) != "":
		n = number(shards)
	case index == kubernetes:
		return 0, 0, false, fmt.Errorf("%s is set: set %s as well, to the job's completions",
			kubernetes, shards)
	default:
		first, last := number("SLURM_ARRAY_TASK_MIN"), number("SLURM_ARRAY_TASK_MAX")
		n = number("SLURM_ARRAY_TASK_COUNT")
		if problem == nil && last-first+1 != n {
			return 0, 0, false, fmt.Errorf("the Slurm array has %d tasks from %d to %d: "+
				"number them one after the other, or set %s to the number of all shards and count tasks "+
				"from 0", n, first, last, shards)
		}
		i -= first
	}
	if problem == nil && (n < 1 || n > maxShards || i < 0 || i >= n) {
		problem = fmt.Errorf("%s is %s, and there are %d shards", index, getenv(index), n)
	}
	if problem != nil {
		return 0, 0, false, problem
	}
	return i, n, true, nil
}
