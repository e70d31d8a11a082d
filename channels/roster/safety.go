package roster

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

const labelSafety = "hubbub/1 safety number"

// SafetyNumber returns the channel's safety number: 40 digits in eight groups
// of five, over the channel's id and the sorted ids of the live members. Who
// reads the same aloud has the same members; one who is suspended is not in it.
func (v *View) SafetyNumber() string {
	data := append([]byte(labelSafety), v.Channel[:]...)
	var live []Hash
	for _, m := range v.Members {
		if !m.Suspended {
			live = append(live, Hash(m.ID))
		}
	}
	slices.SortFunc(live, compareHash)
	for _, id := range live {
		data = append(data, id[:]...)
	}
	sum := sha512.Sum512(data)
	groups := make([]string, 8)
	for i := range groups { // five bytes, big-endian, are one group
		var b [8]byte
		copy(b[3:], sum[5*i:5*i+5])
		groups[i] = fmt.Sprintf("%05d", binary.BigEndian.Uint64(b[:])%100000)
	}
	return strings.Join(groups, " ")
}
