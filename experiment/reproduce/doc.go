// Package reproduce has the experiments that the theory of small random starts makes claims about (Stöger and Soltanolkotabi,
// arXiv 2106.15013), as sweep files in a quick and a full size, and judges what came out.
//
// A verdict is a pure function of a sweep's results. It says agrees, disagrees or cannot be told, with the numbers behind
// it, and it can come out any way: the thresholds are written down here, and were not fitted to a result.
package reproduce
