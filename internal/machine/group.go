package machine

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// group is a control group: a folder of files that say what its processes may use together. See cgroups(7).
type group struct {
	root    fs.FS
	folder  string // without the slash at its beginning
	version int    // 1 or 2
}

// text returns what a file of the group says.
func (g group) text(file string) ([]byte, error) {
	return fs.ReadFile(g.root, path.Join(g.folder, file))
}

// number returns the number in a file of the group. There is none if the file is missing, as in the topmost
// group of all, or if it says "max".
func (g group) number(file string) (float64, bool) {
	text, err := g.text(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	return n, err == nil
}

// says names a file of the group for the user.
func (g group) says(file string) string { return "/" + path.Join(g.folder, file) }

// groupsOf returns the control groups that this process belongs to and that a controller, such as memory,
// limits: its own group and all ancestors that this process can see. In a system with both versions of
// control groups, a controller belongs to one of them; the folders of the other lack its files.
func groupsOf(root fs.FS, controller string) []group {
	memberships, _ := fs.ReadFile(root, "proc/self/cgroup")
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	var groups []group
	for line := range bytes.Lines(memberships) {
		// hierarchy:controllers:path
		parts := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		version := 1
		if parts[0] == "0" && parts[1] == "" {
			version = 2
		} else if !slices.Contains(strings.Split(parts[1], ","), controller) {
			continue
		}
		top, inside, found := mountOf(mounts, version, controller, parts[2])
		if !found {
			continue
		}
		groups = append(groups, group{root, path.Join(top, inside), version})
		for inside != "" {
			inside = strings.TrimPrefix(path.Dir("/"+inside), "/")
			ancestor := group{root, path.Join(top, inside), version}
			if n, ok := ancestor.number("memory.use_hierarchy"); ok && n == 0 {
				break // it does not limit the groups below it
			}
			groups = append(groups, ancestor)
		}
	}
	return groups
}

// mountOf returns the folder, without the slash at its beginning, in which this process sees the control
// groups of a controller, and the path of one group inside of it. Of several such folders, the one that shows
// the most ancestors counts. A container may see its own group alone, whatever the path to it is outside; the
// path inside is then empty.
func mountOf(mounts []byte, version int, controller, group string) (top, inside string, found bool) {
	shows := false // top shows the group's path
	shortest := 0
	for line := range bytes.Lines(mounts) {
		// id parent device root top options [tags…] - type source options
		left, right, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " - ")
		place, kind := strings.Fields(left), strings.Fields(right)
		if len(place) < 5 || len(kind) < 3 {
			continue
		}
		options := strings.Split(kind[2], ",")
		if version == 1 && (kind[0] != "cgroup" || !slices.Contains(options, controller)) ||
			version == 2 && kind[0] != "cgroup2" {
			continue
		}
		shown, here := unescape.Replace(place[3]), unescape.Replace(place[4])
		rest, is := below(group, shown)
		switch {
		case is && (!shows || len(shown) < shortest):
			top, inside, shows, shortest = here, rest, true, len(shown)
		case !found:
			top, inside = here, ""
		}
		found = true
	}
	return strings.TrimPrefix(top, "/"), inside, found
}

// below returns the path from a folder to another one below it, and whether it is below it.
func below(folder, top string) (string, bool) {
	folder, top = path.Clean(folder)+"/", strings.TrimSuffix(top, "/")+"/"
	rest, is := strings.CutPrefix(folder, top)
	return strings.Trim(rest, "/"), is
}

// unescape undoes what mountinfo does to white space in paths.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
