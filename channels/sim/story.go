package sim

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// story tells a step.
func (p *person) story(in channels.Input, out channels.Output) {
	if !p.w.options.Tell {
		return
	}
	what := fmt.Sprintf("%T", in)
	switch in := in.(type) {
	case channels.Answered:
		what = fmt.Sprintf("Answered %d", in.Request)
		if in.Failure != nil {
			what += ": " + in.Failure.Text
		}
		for _, r := range in.Results {
			what += resultLine(r)
		}
	case channels.Tick:
	default:
		what = fmt.Sprintf("%T%+v", in, in)
	}
	p.w.tell("%s: %.300s", p.name, strings.TrimPrefix(what, "channels."))
	for _, id := range out.Cancel {
		p.w.tell("    cancels %d", id)
	}
	for _, r := range out.Requests {
		h, _ := p.w.find(r)
		name := r.Hub.URL
		if h != nil {
			name = h.name
		}
		p.w.tell("    asks %s %d (waits %v):%s", name, r.ID, r.Wait, callsLine(r.Calls))
	}
	for _, e := range out.Events {
		p.w.tell("    %.250s", strings.TrimPrefix(fmt.Sprintf("%T%+v", e, e), "channels."))
	}
}

func resultLine(r wire.Result) string {
	if r.Error != nil {
		return fmt.Sprintf(" [%s]", r.Error.Code)
	}
	var f wire.FetchResult
	if codec.Unmarshal(r.Value, &f) != nil {
		return " ok"
	}
	line := " ["
	for _, e := range f.Entries {
		line += " " + short(sha256.Sum256(e.Bytes))
	}
	if f.More {
		line += " more"
	}
	if f.Restored {
		line += " restored"
	}
	return line + "]"
}

func callsLine(calls []wire.SignedCall) (line string) {
	for _, c := range calls {
		line += " " + string(c.Op)
		if f, ok := c.Args.(wire.FetchArgs); ok && f.After == 0 {
			line += " all"
		}
		for _, entry := range entriesOf(c) {
			line += " " + short(sha256.Sum256(entry))
		}
		if put, ok := c.Args.(wire.PutArgs); ok && put.Again {
			line += " again"
		}
	}
	return line
}

// short is an entry's id as the story has it.
func short(id entryID) string { return fmt.Sprintf("%x", id[:3]) }
