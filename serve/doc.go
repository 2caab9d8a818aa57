// Package serve answers requests of another program for gradients, products and metrics, so that methods
// which are written in Python, Julia or MATLAB run on the fast operators of matsense.
//
// The protocol is described in docs/protocol.md. A request is one JSON object on one line of the input. It
// names a call and is answered by one JSON object on one line of the output, in the order of the requests:
//
//	f(U), ∇f(U) of factors U    value_and_grad
//	⟨A_i, L·Rᵀ⟩                 apply
//	Σ_i w_i A_i                 adjoint
//	U₀                          start
//
// An array is in memory that both programs map, or is written into the line. A [Server] serves one program
// and ends with it. Each call is one function in the table calls. Arguments are checked here, before they
// reach an engine. Every failure is an answer, with the sentence and the exit code that the command has for
// it.
package serve
