// Ours is matsense's side of bench/peers: a program that another one drives. It reads one JSON object a line on standard
// input, does what its field "do" asks, and answers with one JSON object a line; an answer with "error" means that it was
// not done. It ends when its input does.
//
//	{"do":"machine"}                                 what the machine has
//	{"do":"prepare","name":"a","entries":"f32","storage":"memory","precision":"f64","n":20,"m":300,"factor_rank":20,"members":8}
//	                                                 opens an engine under a name; "refused" says why the backend has no such
//	{"do":"time","name":"a","members":8,"rounds":3}  seconds of each of 3 gradients of the first 8 members together
//	{"do":"gradient","name":"a","members":8,"path":"G.npy"}        writes them, an array of members × n × r
//	{"do":"factors","name":"a","path":"U.npy"}                     writes all iterates, likewise
//	{"do":"observations","name":"a","path":"y.npy"}                writes y
//	{"do":"rows","name":"a","from":0,"to":100,"path":"rows.npy"}   writes rows 0 to 99 in svec coordinates, as float64
//	{"do":"release","name":"a"}                      closes an engine, and frees rows that no other one reads
//	{"do":"bandwidth"}                               the rate at which memory is read, measured now
//	{"do":"memory"}                                  the most memory that this process has had so far
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ours:", err)
		os.Exit(1)
	}
}

// serve answers commands until there are no more.
func serve(in io.Reader, out io.Writer) error {
	s := newServer()
	lines, answers := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		var c command
		var a answer
		err := json.Unmarshal(lines.Bytes(), &c)
		if err == nil {
			a, err = s.do(c)
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}
