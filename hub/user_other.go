//go:build !unix

package hub

import "io/fs"

// userOf is the user that a file belongs to, who has no number here.
func userOf(fs.FileInfo) int { return -1 }
