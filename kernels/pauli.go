package kernels

// pauliVariants returns the variants of the kernels of Pauli words, which are all in f64.
func pauliVariants() (list []variant) {
	for _, name := range []string{
		"hadamard", "pauli_combine", "pauli_gather", "pauli_pairs", "pauli_residuals", "pauli_weights",
	} {
		list = append(list, variant{Template: name, Name: name, Arith: "f64"})
	}
	return list
}
