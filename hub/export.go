package hub

import (
	"crypto/sha256"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// An export is a list of records: who the hub is, what its store exports, and the
// end, which says what came before. Entries are not in it: the gateways have them.

// exportPage is how many bytes of records are in one piece: with what stands
// beside them they fit into the request that imports them.
const exportPage = 512 << 10

// exportVersion is the version of what the records say.
const exportVersion = 1

// hubRecord is the first record, or the last.
type hubRecord struct {
	Hub *exportedHub `cbor:"hub,omitempty"`
	End *exportedEnd `cbor:"end,omitempty"`
}

// exportedHub is who the hub is.
type exportedHub struct {
	Version  int     `cbor:"version"`
	Identity []byte  `cbor:"identity"`
	Keys     []xwing `cbor:"keys"`
}

// exportedEnd says how many records came before, and what chain says of them.
type exportedEnd struct {
	Count int64    `cbor:"count"`
	Chain [32]byte `cbor:"chain"`
}

// chain is the hash over a list of records, and one more.
func chain(before [32]byte, record []byte) [32]byte {
	return sha256.Sum256(append(before[:], record...))
}

// exportCursor is where an export goes on.
type exportCursor struct {
	End   exportedEnd `cbor:"end"`   // what it would say now
	After []byte      `cbor:"after"` // in the store
}

// export returns a piece of an export.
func (a *answer) export(tx store.Tx, args wire.ExportArgs) (result wire.ExportResult, err error) {
	if a.room < exportPage+entryRoom {
		return result, noRoom()
	}
	var c exportCursor
	room := exportPage
	if len(args.After) == 0 {
		first, err := a.hub.exportHub()
		if err != nil {
			return result, err
		}
		result.Records, room = [][]byte{first}, room-len(first)
	} else if err := codec.Unmarshal(args.After, &c); err != nil || len(c.After) == 0 {
		return result, &wire.Error{Code: wire.CodeBad, Text: "the export does not go on there"}
	}
	more, next, err := tx.Export(c.After, room-entryRoom)
	if err != nil {
		return result, err
	}
	result.Records = append(result.Records, more...)
	for _, record := range result.Records {
		c.End = exportedEnd{Count: c.End.Count + 1, Chain: chain(c.End.Chain, record)}
	}
	if c.After = next; len(next) > 0 {
		result.Next, err = codec.Marshal(c)
	} else {
		var last []byte
		last, err = codec.Marshal(hubRecord{End: &c.End})
		result.Records = append(result.Records, last)
	}
	for _, record := range result.Records {
		a.room -= len(record) + 8
	}
	return result, err
}

// exportHub is the first record.
func (h *Hub) exportHub() ([]byte, error) {
	file, err := readKeys(h.keys.path)
	if err != nil {
		return nil, err
	}
	return codec.Marshal(hubRecord{Hub: &exportedHub{Version: exportVersion, Identity: file.Identity, Keys: file.Keys}})
}
