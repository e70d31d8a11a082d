package session

import (
	"bytes"
	"fmt"
)

func (o Ops) check() error {
	if len(o.Ops) == 0 && len(o.Invites) == 0 {
		return fmt.Errorf("no operation: %w", ErrMalformed)
	}
	if err := checkOps(o.Ops); err != nil {
		return err
	}
	return checkInvites(o.Invites)
}

func (k FreshKey) check() error { return k.Prekey.check() }

func (g Give) check() error {
	if err := g.Prekey.check(); err != nil {
		return err
	}
	return checkInvites(g.Invites)
}

func (p FreshPrekey) check() error { return p.Prekey.check() }

func (Seen) check() error { return nil }

func (n Need) check() error {
	if len(n.IDs)+len(n.Keys)+len(n.Heads) == 0 || len(n.IDs) > MaxNeed || len(n.Keys) > MaxNeed || len(n.Heads) > MaxHeads {
		return fmt.Errorf("%d envelopes, %d keys and what is not in %d heads asked for: %w", len(n.IDs), len(n.Keys), len(n.Heads), ErrMalformed)
	}
	for i := 1; i < len(n.Heads); i++ {
		if bytes.Compare(n.Heads[i-1][:], n.Heads[i][:]) >= 0 {
			return fmt.Errorf("heads that do not ascend: %w", ErrMalformed)
		}
	}
	return nil
}

func (a Again) check() error {
	if len(a.Body) == 0 || len(a.Body) > MaxBody {
		return fmt.Errorf("a body of %d bytes again: %w", len(a.Body), ErrMalformed)
	}
	return nil
}

func (s Snapshot) check() error {
	if s.Count < 1 || s.Count > MaxPieces || s.Index < 0 || s.Index >= s.Count || len(s.Ops) == 0 {
		return fmt.Errorf("piece %d of %d: %w", s.Index, s.Count, ErrMalformed)
	}
	return checkOps(s.Ops)
}

// check lets every name that a later kind may have pass, and none that is known.
func (u Unknown) check() error {
	if len(u.Name) == 0 || len(u.Name) > 16 {
		return fmt.Errorf("a kind of %d bytes: %w", len(u.Name), ErrMalformed)
	}
	for _, c := range []byte(u.Name) {
		if c < 'a' || c > 'z' {
			return fmt.Errorf("a kind's name: %w", ErrMalformed)
		}
	}
	return nil
}

func (p NumberedPrekey) check() error {
	if p.Number < 0 || p.Number > MaxNumber {
		return fmt.Errorf("prekey number %d: %w", p.Number, ErrMalformed)
	}
	return CheckPrekey(&p.Public)
}

func checkOps(ops [][]byte) error {
	total := 0
	for _, op := range ops {
		if len(op) == 0 {
			return fmt.Errorf("an empty operation: %w", ErrMalformed)
		}
		total += len(op)
	}
	if total > MaxOps {
		return fmt.Errorf("operations of %d bytes: %w", total, ErrMalformed)
	}
	return nil
}

func checkInvites(invites []OpenInvite) error {
	if len(invites) > MaxInvites {
		return fmt.Errorf("%d open invites: %w", len(invites), ErrMalformed)
	}
	for i, v := range invites {
		if v.Number < 1 || v.Number > MaxNumber || len(v.Card) != CardSize {
			return fmt.Errorf("open invite %d: %w", i, ErrMalformed)
		}
	}
	return nil
}
