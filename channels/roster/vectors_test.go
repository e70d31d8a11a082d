package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hubbub/channels/codec"
)

var update = flag.Bool("update", false, "write docs/vectors instead of comparing with them")

var vectorFile = filepath.Join("..", "..", "docs", "vectors", "operations.json")

// hexed is bytes that JSON shows in hexadecimal.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func hexes[H ~[32]byte](list []H) []hexed {
	all := make([]hexed, len(list))
	for i, h := range list {
		all[i] = h[:]
	}
	return all
}

type vectors struct {
	Labels  map[string]string `json:"labels"`
	Kinds   []kindVector      `json:"kinds"`
	History historyVector     `json:"history"`
}

// kindVector is one operation, and the seeds of the keys that sign it.
type kindVector struct {
	Kind            Kind  `json:"kind"`
	MemberSeed      hexed `json:"member_seed"`
	TokenSeed       hexed `json:"token_seed,omitempty"`
	InviteSeed      hexed `json:"invite_seed,omitempty"`
	Op              hexed `json:"op"`
	Hash            hexed `json:"hash"`
	Signature       hexed `json:"signature"`
	TokenSignature  hexed `json:"token_signature,omitempty"`
	InviteSignature hexed `json:"invite_signature,omitempty"`
	Signed          hexed `json:"signed"`
}

// historyVector is a set of operations, in canonical order, and its meaning.
type historyVector struct {
	Channel      hexed           `json:"channel"`
	Operations   []placeVector   `json:"operations"`
	Heads        []hexed         `json:"heads"`
	Missing      []hexed         `json:"missing"`
	Count        int             `json:"count"`
	Sum          hexed           `json:"sum"`
	Founder      hexed           `json:"founder"`
	Members      []memberVector  `json:"members"`
	Removed      []removedVector `json:"removed"`
	Invites      []inviteVector  `json:"invites"`
	Hubs         []hubVector     `json:"hubs"`
	Topic        string          `json:"topic"`
	Forks        []forkVector    `json:"forks"`
	SafetyNumber string          `json:"safety_number"`
}

type placeVector struct {
	Signed hexed  `json:"signed"`
	Hash   hexed  `json:"hash"`
	Depth  int    `json:"depth"`
	Counts bool   `json:"counts"`
	Why    Reason `json:"why,omitempty"`
}

type memberVector struct {
	ID        hexed  `json:"id"`
	Nick      string `json:"nick"`
	Inviter   hexed  `json:"inviter,omitempty"`
	Join      hexed  `json:"join"`
	Suspended bool   `json:"suspended"`
	Confirmed bool   `json:"confirmed"`
}

type removedVector struct {
	ID  hexed   `json:"id"`
	Why Reason  `json:"why"`
	By  []hexed `json:"by"`
	Seq int64   `json:"seq"`
}

type inviteVector struct {
	Hash      hexed       `json:"hash"`
	State     InviteState `json:"state"`
	Joins     []hexed     `json:"joins"`
	Confirmed hexed       `json:"confirmed,omitempty"`
}

type hubVector struct {
	Key  hexed    `json:"key"`
	URLs []string `json:"urls"`
}

type forkVector struct {
	By  hexed   `json:"by"`
	N   int64   `json:"n"`
	Ops []hexed `json:"ops"`
}

// chronicle is a history in which every rule has something to say.
func chronicle(t testing.TB) *story {
	s := found(t, "alice")
	first := s.does("alice", hub("alice.example/hub.cgi", "alice"))
	_, bob := s.brings("alice", "bob")
	s.does("alice", Confirm{bob})
	invite, carol := s.brings("bob", "carol")
	s.add(s.join("mallory", invite, "carol"))
	s.does("bob", Confirm{carol})
	s.does("bob", hub("old.example", "bob"))
	s.does("carol", Topic{"before"})
	restored := s.copy()
	s.does("bob", hub("new.example", "bob"))
	restored.does("bob", Nick{"robert"})
	s.merge(restored)
	s.does("alice", HubDrop{first})
	s.brings("alice", "dave")
	s.brings("dave", "erin")
	revoked := s.invites("alice", "nobody")
	s.does("alice", Revoke{revoked})
	s.invites("carol", "frank")
	s.does("dave", Topic{"the last that counts"})
	s.removes("alice", "dave")
	s.does("dave", Topic{"void"})
	s.does("erin", Leave{Seq: 4})
	lost := s.does("carol", Nick{"lost on its way"})
	s.does("carol", Topic{"beyond a gap"})
	return s.without(lost)
}

func kindVectors(t testing.TB) []kindVector {
	all := kinds(t)
	var list []kindVector
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		op := all[kind]
		var form signedForm
		decode(t, op.Bytes(), &form)
		v := kindVector{
			Kind: kind, MemberSeed: key("member", nameOf(op)).Seed(), Op: form.Op, Hash: op.hash[:],
			Signature: form.Author, TokenSignature: form.Token, InviteSignature: form.Invite, Signed: op.Bytes(),
		}
		if form.Token != nil {
			v.TokenSeed = key("token", nameOf(op)).Seed()
		}
		if form.Invite != nil {
			v.InviteSeed = key("invite", nameOf(op)).Seed()
		}
		list = append(list, v)
	}
	return list
}

func historyOf(s *Set) historyVector {
	v := s.Evaluate()
	count, sum := s.Fingerprint()
	channel := s.Channel()
	h := historyVector{
		Channel: channel[:], Heads: hexes(s.Heads()), Missing: hexes(s.Missing()), Count: count, Sum: sum[:],
		Founder: v.Founder[:], Topic: v.Topic.Text, SafetyNumber: v.SafetyNumber(),
	}
	for _, op := range s.All() {
		why := v.Void(op.hash)
		h.Operations = append(h.Operations, placeVector{op.bytes, bytes.Clone(op.hash[:]), s.Depth(op.hash), why == "", why})
	}
	for _, m := range v.Members {
		n := memberVector{ID: m.ID[:], Nick: m.Nick, Join: m.Join[:], Suspended: m.Suspended, Confirmed: m.Confirmed}
		if m.ID != v.Founder {
			n.Inviter = m.Inviter[:]
		}
		h.Members = append(h.Members, n)
	}
	for _, r := range v.Removed {
		h.Removed = append(h.Removed, removedVector{r.ID[:], r.Why, hexes(r.By), r.Seq})
	}
	for _, i := range v.Invites {
		n := inviteVector{Hash: i.Hash[:], State: i.State, Joins: hexes(i.Joins)}
		if i.Confirmed != (Hash{}) {
			n.Confirmed = i.Confirmed[:]
		}
		h.Invites = append(h.Invites, n)
	}
	for _, b := range v.Hubs {
		n := hubVector{Key: b.Key[:]}
		for _, e := range b.Entries {
			n.URLs = append(n.URLs, e.URL)
		}
		h.Hubs = append(h.Hubs, n)
	}
	for _, f := range v.Forks {
		h.Forks = append(h.Forks, forkVector{f.By[:], f.N, hexes(f.Ops)})
	}
	return h
}

func TestVectors(t *testing.T) {
	got, err := json.MarshalIndent(vectors{
		Labels: map[string]string{
			"hash": labelHash, "author": labelAuthor, "invite": labelInvite, "token": labelToken,
			"set": labelSet, "safety": labelSafety,
		},
		Kinds:   kindVectors(t),
		History: historyOf(chronicle(t).set),
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(vectorFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("operations.json is not what the code makes: if the protocol is meant to change, run go test ./channels/roster -update")
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What the file says is checked with nothing of this package, as a stranger
// would who has only docs/protocol.md.
func TestVectorsReadByAStranger(t *testing.T) {
	v := readVectors(t)
	for _, k := range v.Kinds {
		hash := sha256.Sum256(append([]byte("hubbub/1 operation hash"), k.Op...))
		if !bytes.Equal(hash[:], k.Hash) {
			t.Errorf("%s: the hash is %x", k.Kind, hash)
		}
		wrapped := map[string][]byte{"o": k.Op, "s": k.Signature}
		for field, c := range map[string]struct {
			seed, signature hexed
			label           string
		}{
			"s": {k.MemberSeed, k.Signature, "hubbub/1 operation signed by its author"},
			"t": {k.TokenSeed, k.TokenSignature, "hubbub/1 operation signed by the token key"},
			"i": {k.InviteSeed, k.InviteSignature, "hubbub/1 join signed by the invite key"},
		} {
			if c.seed == nil {
				continue
			}
			signature := ed25519.Sign(ed25519.NewKeyFromSeed(c.seed), append([]byte(c.label), k.Op...))
			if !bytes.Equal(signature, c.signature) {
				t.Errorf("%s: %s is %x", k.Kind, field, signature)
			}
			wrapped[field] = c.signature
		}
		signed, err := codec.Marshal(wrapped)
		if err != nil || !bytes.Equal(signed, k.Signed) {
			t.Errorf("%s: signed is %x, %v", k.Kind, signed, err)
		}
	}
	var all []byte
	hashes := slices.Clone(v.History.Operations)
	slices.SortFunc(hashes, func(a, b placeVector) int { return bytes.Compare(a.Hash, b.Hash) })
	for _, p := range hashes {
		all = append(all, p.Hash...)
	}
	if sum := sha256.Sum256(append([]byte("hubbub/1 operation set"), all...)); !bytes.Equal(sum[:], v.History.Sum) {
		t.Errorf("the set's sum is %x", sum)
	}
}

// The history, read back from the file in the opposite order.
func TestVectorsEvaluate(t *testing.T) {
	v := readVectors(t)
	s := NewSet(Channel(v.History.Channel))
	for _, p := range slices.Backward(v.History.Operations) {
		op, err := Parse(p.Signed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Add(op); err != nil {
			t.Fatal(err)
		}
	}
	got, err := json.Marshal(historyOf(s))
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(v.History)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the history means\n%s\nthe file says\n%s", got, want)
	}
}

// The file leaves no rule out.
func TestVectorsShowEveryRule(t *testing.T) {
	h := readVectors(t).History
	whys := map[Reason]bool{}
	for _, p := range h.Operations {
		whys[p.Why] = true
	}
	for _, why := range []Reason{"", ReasonCut, ReasonGap, ReasonSuspended} {
		if !whys[why] {
			t.Errorf("no operation of which it is said: %q", why)
		}
	}
	states := map[InviteState]bool{}
	for _, i := range h.Invites {
		states[i.State] = true
	}
	if !states[InviteOpen] || !states[InviteUsed] || !states[InviteRevoked] {
		t.Errorf("invites are %v", states)
	}
	if len(h.Forks) != 1 || len(h.Missing) != 1 || len(h.Removed) != 2 || len(h.Hubs) != 1 || h.Hubs[0].URLs[0] != "https://new.example" {
		t.Errorf("%d forks, %d missing, %d removed, hubs %v", len(h.Forks), len(h.Missing), len(h.Removed), h.Hubs)
	}
}
