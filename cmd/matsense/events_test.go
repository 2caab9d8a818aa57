package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// schemaFile is the JSON Schema of all events, also for a test that has changed its folder.
var schemaFile, _ = filepath.Abs("../../docs/events.schema.json")

// kind describes an event for docs/json.md.
type kind struct {
	event event
	of    string // the commands that print it
	about string
}

// kindsOfEvents lists all events, in the order of the page.
func kindsOfEvents() []kind {
	list := []kind{
		{noticeEvent{}, "every command", "Something that the user should know."},
		{errorEvent{}, "every command", "The command failed. It is the last line."},
		{beginEvent{}, "run, verify", "The run begins; its data are read."},
		{sampleEvent{}, "run, verify", "A measured iterate."},
		{progressEvent{}, "run, verify", "Nothing else was printed for 30 s."},
		{summaryEvent{}, "run", "The run has ended. The other members are those of `summary.json`."},
		{runPlanEvent{}, "run --dry-run", "What the run would take."},
		{sweepPlanEvent{}, "sweep, reproduce", "What the sweep takes."},
		{sweptRunEvent{}, "sweep, reproduce, verify", "A run of the sweep has ended."},
		{sweepProgressEvent{}, "sweep, reproduce, verify", "Nothing else was printed for 30 s."},
		{interruptedEvent{}, "sweep, reproduce", "The sweep was interrupted; `--resume` goes on with it."},
		{doneEvent{}, "sweep", "All runs of the part have ended."},
		{mergedEvent{}, "sweep merge", "The tables were written."},
		{figureEvent{}, "sweep, reproduce, plot", "A figure was written."},
		{reportEvent{}, "sweep, reproduce, plot", "A report was written."},
		{viewEvent{}, "view, run --view, sweep --view", "A directory is shown to browsers."},
		{experimentEvent{}, "reproduce", "An experiment that there is."},
		{verdictEvent{}, "reproduce NAME", "The experiment's verdict."},
		{differenceEvent{}, "verify", "The first number of a run that differs."},
		{verifiedEvent{}, "verify", "The verdict."},
		{referenceEvent{}, "cite", "A publication to cite."},
		{cpuEvent{}, "devices", "The processor."},
		{gpuEvent{}, "devices", "A GPU."},
		{togetherEvent{}, "devices", "Several GPUs that share rows."},
		{emulatorEvent{}, "devices", "The emulator, which every machine has."},
		{missingEvent{}, "devices", "There is no device of a kind."},
		{autoEvent{}, "devices", "What `--device auto` comes to."},
		{benchEvent{}, "bench", "The speed of one kind of step."},
		{skippedEvent{}, "bench", "A kind of step that was not measured."},
	}
	for _, plural := range kinds() {
		name, err := kindNamed(plural)
		if err != nil {
			panic(err)
		}
		list = append(list, kind{catalogEvent{kind: name}, "list " + plural, "A " + name + " that there is."})
	}
	return list
}

// TestAllEventsAreListed: kindsOfEvents has every type of events.go.
func TestAllEventsAreListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "event" {
			declared = append(declared, f.Recv.List[0].Type.(*ast.Ident).Name)
		}
	}
	var listed []string
	for _, k := range kindsOfEvents() {
		if name := reflect.TypeOf(k.event).Name(); !slices.Contains(listed, name) {
			listed = append(listed, name)
		}
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if len(declared) < 20 || !slices.Equal(declared, listed) {
		t.Errorf("events.go declares\n%v, and listed are\n%v", declared, listed)
	}
}

// schemaOf is the JSON Schema of a type's values.
func schemaOf(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[experiment.Number]():
		return object{"type": []string{"number", "null"}}
	case reflect.TypeFor[experiment.Metrics]():
		return object{"$ref": "#/$defs/metrics"}
	case reflect.TypeFor[settings]():
		return object{"$ref": "#/$defs/settings"}
	case reflect.TypeFor[solver.Status](): // which writes itself as a word
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Interface: // the value of a setting
		return object{"type": []string{"number", "string"}}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Pointer:
		return object{"anyOf": []object{schemaOf(t.Elem()), {"type": "null"}}}
	case reflect.Struct:
		properties, required := object{}, []string{}
		addMembers(t, properties, &required)
		return closed(properties, required)
	}
	panic("no schema of " + t.String())
}

// closed is the schema of an object that has no other members.
func closed(properties object, required []string) object {
	return object{"type": "object", "properties": properties, "required": required,
		"additionalProperties": false}
}

// addMembers adds the members of a struct, with those of structs that are embedded in it.
func addMembers(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, has := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && !has:
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded == reflect.TypeFor[experiment.Metrics]() {
				m := metricsSchema()
				for name, member := range m["properties"].(object) {
					properties[name] = member
				}
				*required = append(*required, m["required"].([]string)...)
				continue
			}
			addMembers(embedded, properties, required)
		case has && name != "-":
			member := schemaOf(f.Type)
			if about := f.Tag.Get("about"); about != "" {
				member["description"] = about
			}
			properties[name] = member
			if options != "omitempty" {
				*required = append(*required, name)
			}
		}
	}
}

// metricsSchema is that of a sample's metrics: those that only some runs have are not required.
func metricsSchema() object {
	properties := object{"iteration": object{"type": "integer", "description": "number of steps taken"}}
	required := []string{"iteration"}
	for _, m := range solver.Metrics() {
		about := m.Title
		if about == "" {
			about = m.Label
		}
		properties[m.Name] = object{"type": []string{"number", "null"}, "description": about}
		if m.Always {
			required = append(required, m.Name)
		}
	}
	return closed(properties, required)
}

// settingsSchema is that of settings, each with its type.
func settingsSchema() object {
	properties := object{}
	c := config.Default()
	for _, f := range c.Fields() {
		properties[f.Key] = object{"type": map[string]any{
			"int": "integer", "float": []string{"number", "null"}, "string": "string",
		}[f.Type()]}
	}
	return closed(properties, []string{})
}

// eventSchema is that of an event.
func eventSchema(e event) object {
	properties, required := object{}, []string{}
	addMembers(reflect.TypeFor[stamp](), properties, &required)
	addMembers(reflect.TypeOf(e), properties, &required)
	properties["event"] = object{"const": e.event()}
	properties["time"].(object)["pattern"] = timePattern
	return closed(properties, required)
}

// timePattern is the form of times.
const timePattern = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`

// definition is the name of an event's schema among $defs.
func definition(e event) string {
	name := strings.TrimSuffix(reflect.TypeOf(e).Name(), "Event")
	if e, ok := e.(catalogEvent); ok {
		name = e.kind
	}
	return name
}

// eventsSchema is docs/events.schema.json.
func eventsSchema() string {
	definitions, any := object{"metrics": metricsSchema(), "settings": settingsSchema()}, []object{}
	for _, k := range kindsOfEvents() {
		name := definition(k.event)
		schema := eventSchema(k.event)
		schema["description"] = fmt.Sprintf("%s Printed by %s.", strings.ReplaceAll(k.about, "`", ""), k.of)
		definitions[name] = schema
		any = append(any, object{"$ref": "#/$defs/" + name})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "A line that matsense prints with --json",
		"anyOf":   any, "$defs": definitions,
	}); err != nil {
		panic(err)
	}
	return b.String()
}

// eventsPage is docs/json.md.
func eventsPage() string {
	var b strings.Builder
	b.WriteString("# JSON lines\n\n" + paragraph(`This page is generated from the program. With --json, a
command prints one JSON object a line on the standard output and nothing else there. The standard error then
has no lines of progress. (serve, licences and completion have no --json.)
[events.schema.json](events.schema.json) is a JSON Schema (draft 2020-12) of every line.`) +
		"\n" + paragraph(`Names and types of members stay the same; later versions may add events and
members. A program that reads the lines should pass over those that it does not know. A number that is unknown
is null. Seconds are seconds, and bytes are bytes. Settings have the type that they have in config.yaml.`) +
		"\n" + paragraph("A program that starts the command may set the variable `"+stopVariable+"=1` and hand over "+
		"a pipe as the standard input. The command then saves and ends, as at Ctrl-C, when it can read a byte from "+
		"the pipe, when the pipe ends, and when the program has ended.") +
		"\nEvery line has\n\n")
	members(&b, reflect.TypeFor[stamp]())
	for _, k := range kindsOfEvents() {
		if e, ok := k.event.(catalogEvent); ok && e.kind != "method" {
			continue // they differ in their names only
		}
		heading := "`" + k.event.event() + "` of " + k.of
		if e, ok := k.event.(catalogEvent); ok && e.kind == "method" {
			var names []string
			for _, plural := range kinds() {
				name, err := kindNamed(plural)
				if err != nil {
					panic(err)
				}
				names = append(names, name)
			}
			heading = "list: `" + strings.Join(names, "`, `") + "`"
			k.about = "A member of the catalog, or a metric; the event is its kind."
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", heading, paragraph(k.about))
		members(&b, reflect.TypeOf(k.event))
	}
	return b.String()
}

// members writes a table of a struct's members.
func members(b *strings.Builder, t reflect.Type) {
	b.WriteString("| member | type | meaning |\n|---|---|---|\n")
	var write func(t reflect.Type)
	write = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			tag, has := f.Tag.Lookup("json")
			name, options, _ := strings.Cut(tag, ",")
			switch {
			case f.Anonymous && f.Type == reflect.TypeFor[experiment.Metrics]():
				writeCells(b, "`iteration`", "integer", "number of steps taken")
				writeCells(b, "the metrics", "number or null",
					"each by its name; [files.md](files.md#trajectorycsv) says what they are")
			case f.Anonymous && f.Type.Kind() == reflect.Pointer: // of summary.json
			case f.Anonymous && !has:
				write(f.Type)
			case has:
				about := f.Tag.Get("about")
				if options == "omitempty" {
					about += "; may be missing"
				}
				writeCells(b, "`"+name+"`", typeWord(f.Type), about)
			}
		}
	}
	write(t)
}

// typeWord is a type in words.
func typeWord(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[settings]():
		return "object"
	case t == reflect.TypeFor[experiment.Number]():
		return "number or null"
	case t.Kind() == reflect.Pointer:
		return typeWord(t.Elem()) + " or null"
	case t.Kind() == reflect.Struct:
		return "object"
	case t.Kind() == reflect.Slice:
		return "list of " + typeWord(t.Elem()) + "s"
	case t.Kind() == reflect.Float64:
		return "number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "string"
	}
	return "integer"
}

// compiled is the schema in docs/events.schema.json.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("events.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("events.schema.json")
})

var listedEvents = sync.OnceValue(kindsOfEvents)

// seenEvents has the definitions that printed lines were valid for.
var seenEvents sync.Map

// validate checks a line that was printed against the schema of its event.
func validate(t *testing.T, line string) {
	t.Helper()
	all, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	if err != nil {
		t.Fatalf("not JSON: %v\n%s", err, line)
	}
	members, _ := value.(map[string]any)
	var refused error // trying all schemas takes long
	for i, k := range listedEvents() {
		if k.event.event() != members["event"] {
			continue
		}
		err := all.AnyOf[i].Validate(value)
		if err == nil {
			seenEvents.Store(definition(k.event), true)
			return
		}
		refused = err
	}
	t.Errorf("a line that the schema does not allow: %v\n%s", refused, line)
}

// TestEveryEventIsValid prints every event that a machine without a GPU can print, and checks it against the
// schema: its members, their types, and the stamp.
func TestEveryEventIsValid(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "s.yaml"), []byte(`base: {n: 6, rank: 1, iterations: 20}
axes:
  - {step: [0.25, 400], alpha: [1e-3, 1e-2]}
  - ensemble: [gaussian, rademacher]
seeds: 1
`))
	run, swept := filepath.Join(dir, "run"), filepath.Join(dir, "swept")
	flags := []string{"--n", "6", "--rank", "1", "--iterations", "20", "--json"}
	begun := time.Now().Add(-time.Second)
	var lines []object
	for _, c := range []struct {
		code int
		args []string
	}{
		{exitDone, append([]string{"run", "--out", run}, flags...)},
		{exitDone, append([]string{"run", "--dry-run"}, flags...)},
		{exitDone, append([]string{"run", "--dry-run", "--method", "sgd"}, flags...)},
		{exitDone, append([]string{"run", "--out", run, "--force", "--parametrization", "deep", "--depth",
			"2", "--method", "zeroth-order"}, flags...)},
		{exitDone, append([]string{"run", "--out", run, "--force", "--view"}, flags...)},
		{exitDiverged, append([]string{"run", "--out", run, "--force", "--step", "4000"}, flags...)},
		{exitFailed, []string{"verify", run, "--device", "emulator", "--json"}},
		{exitUsage, append([]string{"run", "--step", "-1"}, flags...)},
		{exitDone, []string{"sweep", file, "--out", swept, "--json"}},
		{exitDone, []string{"sweep", "merge", swept, "--json"}},
		{exitDone, []string{"plot", swept, "--json"}},
		{exitDone, []string{"reproduce", "--json"}},
		{exitDone, []string{"list", "--json"}},
		{exitDone, []string{"list", "metrics", "--json"}},
		{exitDone, []string{"cite", "--json"}},
		{exitDone, []string{"devices", "--json"}},
		{exitDone, []string{"bench", "--n", "8", "--measurements", "40", "--rounds", "1", "--json"}},
	} {
		lines = append(lines, jsonLines(t, must(t, c.code, c.args...).out)...)
	}
	poor := matsenseIn(t, t.Context(), 1e4, "bench", "--n", "100", "--measurements", "1000", "--rounds", "1",
		"--json")
	lines = append(lines, jsonLines(t, poor.out)...)
	for _, e := range []event{ // those that take time, luck or a GPU
		progressEvent{"steps", 12, 400, 31.5}, sweepProgressEvent{1, 8, "steps", 2, 3, 4, 31.5},
		interruptedEvent{"swept", 8, 1, 2}, verdictEvent{claimMembers{Name: "alpha"}, "agrees", []string{"it does"}},
		gpuEvent{"cuda:0", "H100", "driver 12.8", "9.0", 1 << 36, -1, 132, ""},
		togetherEvent{"cuda:all", []string{"cuda:1", "cuda:0"}, 1 << 35}, noticeEvent{"<note>"},
		viewEvent{"runs", "http://127.0.0.1:8000/?token=0"},
	} {
		var b bytes.Buffer
		printJSON(&b, e)
		lines = append(lines, jsonLines(t, b.String())...)
	}
	stamps := regexp.MustCompile(timePattern)
	for _, l := range lines {
		at, err := time.Parse(time.RFC3339, fmt.Sprint(l["time"]))
		if err != nil || !stamps.MatchString(fmt.Sprint(l["time"])) || at.Before(begun) ||
			at.After(time.Now().Add(time.Second)) {
			t.Errorf("the time is %v, %v", l["time"], err)
		}
		if l["version"] != version() {
			t.Errorf("the version is %v", l["version"])
		}
	}
	for _, k := range kindsOfEvents() {
		if _, seen := seenEvents.Load(definition(k.event)); !seen {
			t.Errorf("no line was a %s", definition(k.event))
		}
	}
}

// TestSchemaRefuses: the schema refuses settings as text, other members, and lines without a stamp.
func TestSchemaRefuses(t *testing.T) {
	all, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	const stamped = `"time":"2026-11-28T01:02:03.004Z","version":"1"`
	good := `{"event":"notice",` + stamped + `,"message":"m"}`
	for line, valid := range map[string]bool{
		good:                               true,
		`{"event":"notice","message":"m"}`: false,
		`{"event":"notice",` + stamped + `,"message":1}`:                 false,
		`{"event":"notice",` + stamped + `,"message":"m","n":1}`:         false,
		`{"event":"nonsense",` + stamped + `,"message":"m"}`:             false,
		strings.Replace(good, "T01:02:03.004Z", " 01:02", 1):             false,
		`{"event":"run",` + stamped + `,` + sweptMembers(`0.25`) + `}`:   true,
		`{"event":"run",` + stamped + `,` + sweptMembers(`"0.25"`) + `}`: false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Validate(value); (err == nil) != valid {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// sweptMembers has the members of a sweep's run with a step.
func sweptMembers(step string) string {
	return `"run":0,"settings":{"step":` + step + `},"status":"diverged","error":"","iterations":0,` +
		`"train_loss":null,"test_error":null,"held_out_rmse":null,"seconds":0.5`
}
