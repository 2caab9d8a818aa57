module example.org/usermethod

go 1.26.0

require github.com/matsense/matsense v0.0.0

replace github.com/matsense/matsense => ../..
