package wire

import (
	"crypto/sha256"
	"encoding/hex"
)

// A hub on web space that could not find out by itself whether its web server
// hands out files of its data folder has others try (docs/protocol.md, section 2).
const (
	ProbeQuery  = "probe"   // where a file is that is to be tried
	ServedQuery = "served=" // followed by the file's secret: it was handed out

	// ProbeHead is the first line of the answer to ProbeQuery. The second is the
	// ProbeHash of the file's secret, and the others are paths of URLs on the hub's
	// host, at which that file is to be tried; there may be none.
	ProbeHead = "hubbub probe"
	// ProbeMark stands in the file, a space behind it, then the secret.
	ProbeMark = "hubbub probe:"
)

// ProbeSecretSize is the length of the secret of such a file, in letters and
// digits.
const ProbeSecretSize = 26

// ProbeHash is what anybody may know of the secret: whoever has the secret has
// read the file.
func ProbeHash(secret string) string {
	sum := sha256.Sum256([]byte("hubbub probe\x00" + secret))
	return hex.EncodeToString(sum[:])
}
