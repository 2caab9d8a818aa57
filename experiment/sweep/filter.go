package sweep

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	exprparser "github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/matsense/matsense/experiment/config"
)

// A filter is evaluated for each point of a grid, so the time that it takes must be bounded by its length.
const (
	// maxFilter is the largest length of a filter in bytes; its parser is recursive.
	maxFilter = 10_000
	// maxParts is the largest number of names, values and operators in a filter.
	maxParts = 2000
)

// filter is a compiled expression over the settings.
type filter struct {
	program *vm.Program
	keys    []string // the settings that it names
}

// filterName returns a setting's name in a filter, with _ for -, which is a minus there.
func filterName(key string) string { return strings.ReplaceAll(key, "-", "_") }

// newFilter compiles an expression, whose value must be true or false.
func newFilter(text string) (*filter, error) {
	if len(text) > maxFilter {
		return nil, fmt.Errorf("%d bytes long, more than %d", len(text), maxFilter)
	}
	if tree, err := exprparser.Parse(text); err == nil { // Compile says what is wrong otherwise
		if err := checkParts(tree.Node); err != nil {
			return nil, err
		}
	}
	types := map[string]any{}
	for _, f := range new(config.Config).Fields() {
		types[filterName(f.Key)], _ = valueOf(f)
	}
	options := []expr.Option{expr.Env(types), expr.AsBool(), expr.WarnOnAny(), expr.DisableAllBuiltins()}
	for _, name := range []string{"abs", "ceil", "floor", "round", "min", "max", "int", "float"} {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		return nil, explain(err, text)
	}
	f := &filter{program: program}
	root := program.Node()
	ast.Walk(&root, f)
	return f, nil
}

// inspection counts the nodes of a filter, and collects what no filter may have.
type inspection struct {
	count   int
	refused []string
}

// checkParts refuses what could take more time than a filter's length suggests: loops over lists, lists from
// a range, regular expressions, and variables, which may double a list again and again.
func checkParts(root ast.Node) error {
	in := &inspection{}
	ast.Walk(&root, in)
	switch {
	case len(in.refused) > 0:
		return fmt.Errorf("a filter has no %s: it compares settings, with and, or, not, ==, <, in [1, 5], "+
			"startsWith and the like", strings.Join(in.refused, ", no "))
	case in.count > maxParts:
		return fmt.Errorf("%d names, values and operators, more than %d", in.count, maxParts)
	}
	return nil
}

// Visit implements [ast.Visitor].
func (in *inspection) Visit(node *ast.Node) {
	in.count++
	refused := ""
	switch n := (*node).(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.UnaryNode,
		*ast.ConditionalNode, *ast.ArrayNode, *ast.CallNode, *ast.BuiltinNode: // Compile knows the functions
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			refused = n.Value
		}
	case *ast.BinaryNode:
		if n.Operator == ".." || n.Operator == "matches" {
			refused = n.Operator
		}
	case *ast.VariableDeclaratorNode:
		refused = "let"
	case *ast.SequenceNode:
		refused = ";"
	case *ast.PredicateNode, *ast.PointerNode:
		refused = "condition on the elements of a list"
	case *ast.MapNode, *ast.PairNode:
		refused = "{}"
	case *ast.MemberNode, *ast.SliceNode, *ast.ChainNode:
		refused = "part of a value"
	default:
		refused = strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", n), "*ast."), "Node")
	}
	if refused != "" && !slices.Contains(in.refused, refused) {
		in.refused = append(in.refused, refused)
	}
}

// valueOf returns a setting's value for a filter: an int, a float64 or a string.
func valueOf(f config.Field) (any, error) {
	switch f.Type() {
	case "int":
		n, err := strconv.Atoi(f.String())
		if err != nil {
			return nil, fmt.Errorf("%s is %s, too large to be compared", f.Key, f.String())
		}
		return n, nil
	case "float":
		return strconv.ParseFloat(f.String(), 64)
	}
	return f.String(), nil
}

// Visit implements [ast.Visitor]. It collects the settings that an expression names.
func (f *filter) Visit(node *ast.Node) {
	name, ok := (*node).(*ast.IdentifierNode)
	if !ok {
		return
	}
	for _, key := range config.Keys() {
		if filterName(key) == name.Value && !slices.Contains(f.keys, key) {
			f.keys = append(f.keys, key)
		}
	}
}

// explain puts the compiler's message on one line, and suggests a setting for a name that does not exist.
func explain(err error, text string) error {
	message := err.Error()
	var at *file.Error
	if errors.As(err, &at) {
		message = at.Message
	}
	message = strings.Join(strings.Fields(message), " ")
	if unknown, ok := strings.CutPrefix(message, "unknown name "); ok {
		var names []string
		for _, key := range config.Keys() {
			if strings.Contains(key, "-") && strings.Contains(text, key) {
				return fmt.Errorf("%s; %s is written %s here", message, key, filterName(key))
			}
			names = append(names, filterName(key))
		}
		message += fmt.Sprintf("; did you mean %s?", config.Nearest(unknown, names))
	}
	return errors.New(message)
}

// keeper evaluates a filter on one configuration, whose settings change from run to run.
type keeper struct {
	*filter
	fields []config.Field
	names  []string
	values map[string]any
}

// on returns the filter's keeper for a configuration.
func (f *filter) on(c *config.Config) *keeper {
	k := &keeper{filter: f, values: map[string]any{}}
	for _, key := range f.keys {
		k.fields = append(k.fields, field(c, key))
		k.names = append(k.names, filterName(key))
	}
	return k
}

// keeps says whether the filter is true of the configuration.
func (k *keeper) keeps() (bool, error) {
	for i, f := range k.fields {
		value, err := valueOf(f)
		if err != nil {
			return false, err
		}
		k.values[k.names[i]] = value
	}
	keep, err := expr.Run(k.program, k.values)
	if err != nil {
		return false, explain(err, "")
	}
	return keep.(bool), nil
}
