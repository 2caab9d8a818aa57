package serve

// MapFile and Unmap map files on every system.
var MapFile, Unmap = mapFile, unmap
