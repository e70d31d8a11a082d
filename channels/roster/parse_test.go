package roster

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

// shape is an operation's map, to be bent before it is signed.
type shape map[string]any

// bend signs whatever an operation was bent to, with the right keys.
func bend(t testing.TB, op *Signed, change func(op, args shape)) []byte {
	t.Helper()
	var form signedForm
	var outer, args shape
	decode(t, op.Bytes(), &form)
	decode(t, form.Op, &outer)
	outer["args"], args = nil, shape{}
	decode(t, argsBytes(t, form.Op), &args)
	outer["args"] = args
	change(outer, args)
	body, err := codec.Marshal(outer)
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Marshal(signAgain(op, form, body))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t testing.TB, data []byte, v any) {
	t.Helper()
	if err := codec.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func argsBytes(t testing.TB, op []byte) []byte {
	t.Helper()
	var form opForm
	decode(t, op, &form)
	return form.Args
}

// signAgain signs other bytes with the keys that signed the first.
func signAgain(op *Signed, form signedForm, body []byte) signedForm {
	again := signedForm{Op: body, Author: signWith("member", nameOf(op), labelAuthor, body)}
	if form.Token != nil {
		again.Token = signWith("token", nameOf(op), labelToken, body)
	}
	if form.Invite != nil {
		again.Invite = signWith("invite", nameOf(op), labelInvite, body)
	}
	return again
}

func nameOf(op *Signed) string {
	for _, name := range []string{"alice", "bob"} {
		if member(name) == op.op.By {
			return name
		}
	}
	panic("signed by a stranger")
}

// kinds is one operation of each kind, signed by alice or bob.
func kinds(t testing.TB) map[Kind]*Signed {
	s := found(t, "alice")
	invite, join := s.brings("alice", "bob")
	list := []Hash{Hash(s.set.Channel()), invite, join}
	hub := s.does("alice", HubAdd{URL: "https://hub.example/hub.cgi", Key: hubKey("a")})
	list = append(list, hub,
		s.does("alice", Confirm{join}), s.does("alice", Topic{"hello"}), s.does("bob", Nick{"robert"}),
		s.does("alice", Revoke{invite}), s.does("alice", HubDrop{hub}), s.removes("alice", "bob"), s.does("alice", Leave{Seq: 2}))
	all := map[Kind]*Signed{}
	for _, h := range list {
		op := s.set.Get(h)
		all[op.Op().Args.Kind()] = op
	}
	if len(all) != 11 {
		t.Fatalf("%d kinds of operation, want 11", len(all))
	}
	return all
}

func TestEveryKindComesBack(t *testing.T) {
	for kind, op := range kinds(t) {
		again, err := Parse(op.Bytes())
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if again.Hash() != op.Hash() || again.Channel() != op.Channel() || !bytes.Equal(again.Bytes(), op.Bytes()) {
			t.Errorf("%s came back as another", kind)
		}
		// Bent to nothing else, it is the same: or the refusals below would prove nothing.
		if _, err := Parse(bend(t, op, func(op, args shape) {})); err != nil {
			t.Errorf("%s, signed again: %v", kind, err)
		}
	}
}

// Each change is signed with the right keys, so that nothing but the check of
// what it says refuses it.
func TestRefusedOperations(t *testing.T) {
	all := kinds(t)
	set := func(key string, value any) func(op, args shape) {
		return func(op, args shape) { op[key] = value }
	}
	arg := func(key string, value any) func(op, args shape) {
		return func(op, args shape) { args[key] = value }
	}
	drop := func(key string) func(op, args shape) {
		return func(op, args shape) { delete(op, key) }
	}
	zero, other, third := make([]byte, 32), bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{9}, 32)
	joins := [][]byte{}
	for i := range MaxJoins + 1 {
		joins = append(joins, append(bytes.Repeat([]byte{1}, 30), byte(i>>8), byte(i)))
	}
	for name, c := range map[string]struct {
		kind   Kind
		change func(op, args shape)
	}{
		"a kind of nothing":             {KindTopic, set("kind", "topics")},
		"another kind's arguments":      {KindTopic, set("kind", "nick")},
		"a missing kind":                {KindTopic, drop("kind")},
		"an unknown field":              {KindTopic, set("note", "x")},
		"an unknown argument":           {KindTopic, arg("note", "x")},
		"missing arguments":             {KindTopic, drop("args")},
		"arguments of null":             {KindTopic, set("args", nil)},
		"a missing argument":            {KindTopic, func(op, args shape) { delete(args, "text") }},
		"by nobody":                     {KindTopic, set("by", zero)},
		"a short author":                {KindTopic, set("by", zero[1:])},
		"no channel":                    {KindTopic, drop("channel")},
		"a channel of zeros":            {KindTopic, set("channel", zero)},
		"a found in a channel":          {KindFound, set("channel", other)},
		"a found after something":       {KindFound, set("prev", other)},
		"a found in place 1":            {KindFound, set("n", 1)},
		"a join that knows heads":       {KindJoin, set("heads", [][]byte{other})},
		"a join after something":        {KindJoin, set("prev", other)},
		"a topic in place 0":            {KindTopic, set("n", 0)},
		"a topic after nothing":         {KindTopic, drop("prev")},
		"a place below 0":               {KindTopic, set("n", -1)},
		"a place beyond all":            {KindTopic, set("n", int64(MaxNumber+1))},
		"a time below 0":                {KindTopic, set("time", -1)},
		"a time beyond all":             {KindTopic, set("time", int64(MaxNumber+1))},
		"a time in fractions":           {KindTopic, set("time", 1.5)},
		"heads that descend":            {KindTopic, set("heads", [][]byte{third, other})},
		"heads that repeat":             {KindTopic, set("heads", [][]byte{other, other})},
		"heads of nothing":              {KindTopic, set("heads", [][]byte{})},
		"too many heads":                {KindTopic, set("heads", joins[:MaxHeads+1])},
		"prev among the heads":          {KindTopic, func(op, args shape) { op["heads"] = [][]byte{op["prev"].([]byte)} }},
		"no nick":                       {KindNick, arg("nick", "")},
		"a long nick":                   {KindNick, arg("nick", strings.Repeat("x", MaxNick+1))},
		"a nick with a line break":      {KindNick, arg("nick", "bob\r\nQUIT")},
		"a nick with a NUL":             {KindNick, arg("nick", "bob\x00")},
		"a nick with a C1 control":      {KindNick, arg("nick", "bob\u0085")},
		"a founder without a nick":      {KindFound, arg("nick", "")},
		"a joiner with a control":       {KindJoin, arg("nick", "\x1b[31m")},
		"a long topic":                  {KindTopic, arg("text", strings.Repeat("x", MaxTopic+1))},
		"a topic with a delete":         {KindTopic, arg("text", "\x7f")},
		"a topic of bytes":              {KindTopic, arg("text", []byte("x"))},
		"a founder's short prekey":      {KindFound, arg("prekey", make([]byte, PrekeySize-1))},
		"a joiner's long prekey":        {KindJoin, arg("prekey", make([]byte, PrekeySize+1))},
		"a short salt":                  {KindFound, arg("salt", make([]byte, 15))},
		"a long note":                   {KindInvite, arg("note", strings.Repeat("x", MaxNote+1))},
		"a note with a tab":             {KindInvite, arg("note", "bo\tb")},
		"an expiry below 0":             {KindInvite, arg("expires", -1)},
		"a short slot":                  {KindInvite, arg("slot", make([]byte, 15))},
		"a removal of oneself":          {KindRemove, func(op, args shape) { args["member"] = op["by"] }},
		"a removal that keeps too much": {KindRemove, arg("joins", joins)},
		"a removal's joins that repeat": {KindRemove, arg("joins", [][]byte{other, other})},
		"a removal's joins of nothing":  {KindRemove, arg("joins", [][]byte{})},
		"a text before the first":       {KindRemove, arg("seq", -2)},
		"a leave before the first":      {KindLeave, arg("seq", -2)},
		"a leave beyond all":            {KindLeave, arg("seq", int64(MaxNumber+1))},
		"a hub without a scheme":        {KindHubAdd, arg("url", "hub.example/hub.cgi")},
		"a hub of another scheme":       {KindHubAdd, arg("url", "ftp://hub.example")},
		"a hub without a host":          {KindHubAdd, arg("url", "https://")},
		"a hub with a space":            {KindHubAdd, arg("url", "https://hub.example/ x")},
		"a hub beyond ASCII":            {KindHubAdd, arg("url", "https://hüb.example")},
		"a long url":                    {KindHubAdd, arg("url", "https://"+strings.Repeat("x", MaxURL-7))},
	} {
		if op, err := Parse(bend(t, all[c.kind], c.change)); err == nil {
			t.Errorf("%s: taken as %+v", name, op.Op())
		} else if errors.Is(err, ErrSignature) {
			t.Errorf("%s: refused for its signature, which proves nothing: %v", name, err)
		}
	}
}

func TestTextsToTheirLimits(t *testing.T) {
	all := kinds(t)
	for name, c := range map[string]struct {
		kind       Kind
		key, value string
	}{
		"the longest nick":   {KindNick, "nick", strings.Repeat("x", MaxNick)},
		"the longest topic":  {KindTopic, "text", strings.Repeat("é", MaxTopic/2)},
		"no topic":           {KindTopic, "text", ""},
		"no note":            {KindInvite, "note", ""},
		"an emoji's joiners": {KindTopic, "text", "👩‍👩‍👧"},
		"the longest url":    {KindHubAdd, "url", "HTTPS://" + strings.Repeat("X", MaxURL-8)},
	} {
		if _, err := Parse(bend(t, all[c.kind], func(op, args shape) { args[c.key] = c.value })); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Signatures of another kind, another key, too many, too few.
func TestRefusedSignatures(t *testing.T) {
	all := kinds(t)
	for name, c := range map[string]struct {
		kind   Kind
		change func(f *signedForm)
	}{
		"no author":            {KindTopic, func(f *signedForm) { f.Author = nil }},
		"another author":       {KindTopic, func(f *signedForm) { f.Author = signWith("member", "bob", labelAuthor, f.Op) }},
		"another label":        {KindTopic, func(f *signedForm) { f.Author = signWith("member", "alice", labelToken, f.Op) }},
		"a long signature":     {KindTopic, func(f *signedForm) { f.Author = append(f.Author, 0) }},
		"a token's on a topic": {KindTopic, func(f *signedForm) { f.Token = signWith("token", "alice", labelToken, f.Op) }},
		"an invite's on found": {KindFound, func(f *signedForm) { f.Invite = signWith("invite", "bob", labelInvite, f.Op) }},
		"no token's on found":  {KindFound, func(f *signedForm) { f.Token = nil }},
		"no token's on join":   {KindJoin, func(f *signedForm) { f.Token = nil }},
		"another's token":      {KindJoin, func(f *signedForm) { f.Token = signWith("token", "alice", labelToken, f.Op) }},
		"no invite's on join":  {KindJoin, func(f *signedForm) { f.Invite = nil }},
		"another invite's":     {KindJoin, func(f *signedForm) { f.Invite = signWith("invite", "carol", labelInvite, f.Op) }},
	} {
		var form signedForm
		decode(t, all[c.kind].Bytes(), &form)
		c.change(&form)
		data, err := codec.Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnyFlippedByteIsRefused(t *testing.T) {
	all := kinds(t)
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		op := all[kind]
		for i := range op.Bytes() {
			data := bytes.Clone(op.Bytes())
			data[i] ^= 1 << (i % 8)
			if _, err := Parse(data); err == nil {
				t.Errorf("%s: byte %d of %d may be flipped", kind, i, len(data))
			}
		}
		for i := range op.Bytes() {
			if _, err := Parse(op.Bytes()[:i]); err == nil {
				t.Errorf("%s: cut off at %d it is taken", kind, i)
			}
		}
		if _, err := Parse(append(bytes.Clone(op.Bytes()), 0)); err == nil {
			t.Errorf("%s: with a byte more it is taken", kind)
		}
	}
}

func TestSignRefusesWhatParseWould(t *testing.T) {
	s := found(t, "alice")
	op, err := s.set.Draft(member("alice"), 1, Topic{"x\ny"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(op, key("member", "alice")); err == nil {
		t.Error("a topic of two lines was signed")
	}
	op.Args = Topic{"x"}
	if _, err := Sign(op, key("member", "bob")); !errors.Is(err, ErrSignature) {
		t.Errorf("signed with another's key: %v", err)
	}
	join := DraftJoin(s.set.Channel(), member("bob"), 1, Join{Key: InviteKey{1}, Nick: "bob", Token: token("bob"), Prekey: prekey("bob")})
	if _, err := SignJoin(join, key("invite", "bob"), key("token", "bob"), key("member", "bob")); !errors.Is(err, ErrSignature) {
		t.Errorf("signed with another invite's key: %v", err)
	}
	if _, err := Parse(make([]byte, MaxSigned+1)); err == nil {
		t.Error("an operation beyond MaxSigned was read")
	}
}
