// Package watch serves the runs and sweeps under a directory as pages for a browser, finished or under way,
// of this process or of others that share the disk. It writes nothing and runs nothing: it reads the files
// that runs and sweeps leave, and package view says what people read of them.
//
// A page shows data of the user, so not everybody who can reach the port may see it: a token is asked for,
// the name by which the server was called is checked, and the browser is told to load nothing from elsewhere.
package watch
