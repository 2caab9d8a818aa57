package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"unicode/utf8"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/view"
)

// The template of the Python module whose functions have the settings as keywords, and the module.
const (
	pythonTemplate = "../../python/generated.py.tmpl"
	pythonFile     = "../../python/src/matsense/_generated.py"
)

// pythonSetting is a setting as a keyword of a Python function.
type pythonSetting struct {
	Key, Name  string
	Type       string // annotation, without None
	Kind, Text string // type and description in the docstring
}

// pythonGroup is a group of settings in a docstring.
type pythonGroup struct {
	Title, Rule string
	Settings    []pythonSetting
}

// pythonFunction is a Python function of settings.
type pythonFunction struct{ Groups []pythonGroup }

// Settings lists the function's settings in their order.
func (f pythonFunction) Settings() (all []pythonSetting) {
	for _, g := range f.Groups {
		all = append(all, g.Settings...)
	}
	return all
}

// pythonModule is python/src/matsense/_generated.py. An open problem has no method, measures only when it is
// asked and writes no checkpoints.
func pythonModule() string {
	var b strings.Builder
	err := template.Must(template.ParseFiles(pythonTemplate)).Execute(&b, struct {
		Aliases      []string
		Run, Problem pythonFunction
	}{
		pythonAliases(),
		pythonFunctionOf(func(f config.Field) bool { return !isOfSolve(f.Key) }),
		pythonFunctionOf(func(f config.Field) bool {
			return f.Group != "method" && f.Group != "measuring" && f.Key != "checkpoint-every"
		}),
	})
	if err != nil {
		panic(err)
	}
	return b.String()
}

// isOfSolve says whether a setting is an argument of Problem.solve in Python, and of no use in run.
func isOfSolve(key string) bool { return strings.HasPrefix(key, "custom-") }

// pythonFunctionOf is the function of the settings that are wanted.
func pythonFunctionOf(wanted func(config.Field) bool) (function pythonFunction) {
	c := config.Default()
	for _, name := range config.Groups() {
		g := pythonGroup{Title: title(name), Rule: strings.Repeat("-", utf8.RuneCountInString(name))}
		for _, f := range c.Fields() {
			if f.Group == name && wanted(f) {
				g.Settings = append(g.Settings, pythonSettingOf(f))
			}
		}
		if g.Settings != nil {
			function.Groups = append(function.Groups, g)
		}
	}
	return function
}

// pythonSettingOf describes a setting to Python.
func pythonSettingOf(f config.Field) pythonSetting {
	s := pythonSetting{Key: f.Key, Name: pythonName(f.Key), Text: pythonText(f.Usage())}
	switch {
	case f.Values != nil:
		values := pythonValues(f)
		s.Type, s.Kind = pythonAlias(f.Key), "{"+pythonWords(values)+"}"
		if len(values) > 8 { // too many for one line
			s.Kind = "str"
			s.Text += " One of " + pythonWords(values) + "."
		}
	case f.File && strings.Contains(f.Help, ".npy"):
		s.Type, s.Kind = "Data", "array, or path of a .npy file"
	case f.File:
		s.Type, s.Kind = "Path", "path of a text file"
	default:
		s.Type = map[string]string{"int": "int", "float": "float", "string": "str"}[f.Type()]
		s.Kind = s.Type
	}
	more := pythonMore[f.Key]
	s.Type += more.Type
	s.Kind += more.Kind
	s.Text = view.Fill(s.Text+more.Text, 8)
	return s
}

// pythonValues lists the words that a setting takes in Python, where Problem.solve, not run, is for methods
// whose steps a program takes.
func pythonValues(f config.Field) []string {
	return slices.DeleteFunc(slices.Clone(f.Values()), func(word string) bool {
		c := config.Config{Method: word}
		return f.Key == "method" && c.IsProgrammed()
	})
}

// pythonMore is what settings take beside the words that the catalog lists, or from Python alone. The
// members of some families are open: a library's user can register others.
var pythonMore = map[string]pythonSetting{
	"ensemble":        {Type: " | str"},
	"method":          {Type: " | str"},
	"device":          {Type: " | str", Kind: " or 'cuda:N'"},
	"singular-values": {Type: " | int", Kind: " or int"},
	"entries": {
		Type: " | ObservedEntries", Kind: ", or observed entries",
		Text: " Or the observed entries of a matrix to complete: the same as triplets.",
	},
	"triplets": {
		Type: " | ObservedEntries", Kind: ", or entries",
		Text: " Or a sparse array of SciPy, whose stored entries are the observed ones; a tuple (rows, columns, " +
			"values), counted from 0; a data frame with such columns; or a matrix with NaN where nothing was " +
			"observed.",
	},
	"test-triplets": {
		Type: " | ObservedEntries", Kind: ", or entries", Text: " Or entries as triplets takes them.",
	},
	"paulis": {
		Type: " | PauliWords", Kind: ", words, or a dict",
		Text: " Or a list of words, or a dict of words and expectations.",
	},
	"vectors": {Text: " A pair of arrays is vectors and vectors_right."},
	"truth":   {Text: " A pair of arrays is truth and truth_right."},
	"init": {
		Type: " | Data", Kind: ", array, or path of a .npy file",
		Text: " A pair of arrays is init and init_right; with parametrization deep, a tuple of arrays is W1, " +
			"W2, …",
	},
}

// pythonName is the keyword of a setting.
func pythonName(key string) string {
	name := strings.ReplaceAll(key, "-", "_")
	if name == "lambda" { // a word of the language
		name += "_"
	}
	return name
}

// pythonAlias is the name of the type of a setting that takes words: LinkScale for link-scale.
func pythonAlias(key string) (name string) {
	for _, word := range strings.Split(key, "-") {
		name += title(word)
	}
	return name
}

// pythonAliases defines the types of the settings that take words.
func pythonAliases() (definitions []string) {
	c := config.Default()
	for _, f := range c.Fields() {
		if f.Values == nil {
			continue
		}
		words := strings.ReplaceAll(pythonWords(pythonValues(f)), "'", `"`)
		line := fmt.Sprintf("%s: TypeAlias = Literal[%s]", pythonAlias(f.Key), words)
		if len(line) > 110 {
			words = "\n    " + strings.ReplaceAll(words, ", ", ",\n    ") + ",\n"
			line = fmt.Sprintf("%s: TypeAlias = Literal[%s]", pythonAlias(f.Key), words)
		}
		definitions = append(definitions, line)
	}
	return definitions
}

// pythonWords lists words as Python writes them.
func pythonWords(words []string) string { return "'" + strings.Join(words, "', '") + "'" }

var (
	flagInText    = regexp.MustCompile(`--([a-z0-9-]+)`)
	commandInText = regexp.MustCompile(`matsense list [a-z]+`)
	arrayInText   = regexp.MustCompile(`a \.npy file (of|with) `)
)

// pythonText is a setting's help as a sentence about Python: it names keywords, not flags, and arrays, not
// the files that hold them.
func pythonText(usage string) string {
	text := flagInText.ReplaceAllStringFunc(usage, func(flag string) string {
		return pythonName(strings.TrimPrefix(flag, "--"))
	})
	text = commandInText.ReplaceAllString(text, "`$0`")
	text = arrayInText.ReplaceAllStringFunc(text, func(file string) string {
		return "an array " + strings.TrimPrefix(strings.TrimPrefix(file, "a .npy file "), "with ")
	})
	return title(text) + "."
}

// TestPythonNamesEverySetting: the Python function run has every setting of the command run as a keyword and
// in its docstring, except those of Problem.solve, and no flag is left in the text.
func TestPythonNamesEverySetting(t *testing.T) {
	module := pythonModule()
	start, end := strings.Index(module, "\ndef run("), strings.Index(module, "\ndef problem(")
	if start < 0 || end < start {
		t.Fatalf("the module has no function run, then problem: %d, %d", start, end)
	}
	run := module[start:end]
	var flags []string
	for _, g := range groupsOf(newRun(environment{})) {
		for _, f := range g.flags {
			flags = append(flags, f.Name)
		}
	}
	for _, key := range config.Keys() {
		if !slices.Contains(flags, key) {
			t.Errorf("the command run has no flag --%s", key)
		}
		name := strings.ReplaceAll(key, "-", "_")
		if key == "lambda" {
			name = "lambda_"
		}
		item := fmt.Sprintf("\n                %q: %s,", key, name)
		for _, want := range []string{"\n    " + name + ": ", "\n    " + name + " : ", item} {
			times := 1
			if isOfSolve(key) {
				times = 0
			}
			if strings.Count(run, want) != times {
				t.Errorf("%q is there %d times, not %d", want, strings.Count(run, want), times)
			}
		}
	}
	if flag := regexp.MustCompile(`--[a-z]`).FindString(module); flag != "" {
		t.Errorf("the module speaks of the flag %s…", flag)
	}
}
