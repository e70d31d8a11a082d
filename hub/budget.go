package hub

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// What one address may ask in a while. It is wide, for many may share an address;
// and it is the last of the hub's defences, not the first: to refuse a request
// costs nearly what it costs to do it, since most of that is to start a process
// and to open the seal. What a member may write has budgets of its own (hub/store).
var addressBudget = store.Budget{Most: 6000, Every: 10 * time.Minute}

// customerBudget is what all networks of one customer have together, who may be given
// 65,536 of them.
var customerBudget = store.Budget{Most: 24_000, Every: 10 * time.Minute}

// sampled is how many requests are counted together: reading is to remain reading,
// so one request in so many is written down, as so many.
const sampled = 16

// manyCalls are so many that their signatures cost more to verify than the
// database to ask whether that is worth it.
const manyCalls = 16

// crowded is the error of a request from an address whose budget is spent.
type crowded struct{ wait time.Duration }

func (*crowded) Error() string { return "this address has asked as much as it may for now" }

// isCrowded says whether err is a *crowded.
func isCrowded(err error) bool {
	var crowd *crowded
	return errors.As(err, &crowd)
}

// refusal is what its sender is told.
func (c *crowded) refusal() *Refusal {
	return &Refusal{Status: wire.StatusBusy, Text: "Too many requests come from your address. Come back later.",
		Retry: max(time.Second, c.wait)}
}

// visitor is who has made a request, as far as the hub's budgets go.
type visitor struct {
	limited  bool            // it has budgets
	address  store.BudgetKey // that of its address
	customer store.BudgetKey // and that of the customer whose network it is of, if not zero
}

// visitorOf is who comes from an address. The database is not to name addresses, so
// the keys have the hub's private key in them.
func (h *Hub) visitorOf(address string) (v visitor) {
	who, ok := Origin(address)
	if !ok || h.config.Proxied {
		return v
	}
	key := func(what string, who netip.Addr) store.BudgetKey {
		b := who.As16()
		return store.KeyOfBudget(what, append(h.keys.self.Load().identity.Seed(), b[:]...))
	}
	v.limited, v.address = true, key("address", who)
	if customer, ok := Customer(who); ok {
		v.customer = key("customer", customer)
	}
	return v
}

// budgets are a visitor's, in turn.
func (v visitor) budgets(f func(store.BudgetKey, store.Budget) error) error {
	if !v.limited {
		return nil
	}
	if err := f(v.address, addressBudget); err != nil || v.customer == (store.BudgetKey{}) {
		return err
	}
	return f(v.customer, customerBudget)
}

// Origin is whom an IP address stands for, where there is only so much for each: of
// IPv6 the network of 64 bits, for who has one of its addresses has them all. ok is
// false for an address that is not known, or that stands for many, as that of a proxy
// before the hub does.
func Origin(address string) (who netip.Addr, ok bool) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return who, false
	}
	a = a.Unmap().WithZone("")
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || sharedAddresses.Contains(a) {
		return who, false
	}
	if a.Is6() {
		a = netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a, true
}

// sharedAddresses are those between a carrier and its customers (RFC 6598).
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")

// Customer is the network of 48 bits that one whom Origin has named belongs to, of IPv6
// alone: one customer may have all of it.
func Customer(who netip.Addr) (network netip.Addr, ok bool) {
	return netip.PrefixFrom(who, 48).Masked().Addr(), who.Is6()
}

// admit ends the transaction if one of the visitor's budgets is spent. It takes nothing.
func (v visitor) admit(tx store.Tx) error {
	return v.budgets(func(key store.BudgetKey, budget store.Budget) error {
		wait, err := tx.Spend(key, 0, budget)
		if err == nil && wait > 0 {
			err = &crowded{wait}
		}
		return err
	})
}

// admitted is admit in a transaction of its own.
func (h *Hub) admitted(ctx context.Context, v visitor) error {
	return h.transact(ctx, false, v.admit)
}
