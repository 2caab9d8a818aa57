// Ours is matsense's side of bench/peers, a program that another program drives. It reads one JSON object a
// line from standard input, executes the command in the field "do", and answers with one JSON object a line.
// An answer with "error" means that the command failed. The program ends at the end of its input.
//
//	{"do":"machine"}      describes the machine
//	{"do":"prepare","name":"a","entries":"f32","storage":"memory","precision":"f64",
//	 "n":20,"m":300,"factor_rank":20,"members":8}
//	                      opens an engine under a name; "refused" says why the backend cannot
//	{"do":"time","name":"a","members":8,"rounds":3}
//	                      returns the seconds of each of 3 gradients of the first 8 members together
//	{"do":"gradient","name":"a","members":8,"path":"G.npy"}
//	                      writes these gradients, an array of members × n × r
//	{"do":"factors","name":"a","path":"U.npy"}
//	                      writes all iterates, an array of the same shape
//	{"do":"observations","name":"a","path":"y.npy"}
//	                      writes y
//	{"do":"rows","name":"a","from":0,"to":100,"path":"rows.npy"}
//	                      writes rows 0 to 99 in svec coordinates, as float64
//	{"do":"release","name":"a"}
//	                      closes an engine, and frees rows that no other engine reads
//	{"do":"bandwidth"}    measures the rate at which memory is read
//	{"do":"memory"}       returns the peak memory of this process so far
//
// A command is one line; the line of "prepare" is broken here to fit.
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

// serve answers all commands of in.
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
