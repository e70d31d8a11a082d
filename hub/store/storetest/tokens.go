package storetest

import (
	"hubbub/channels/wire"
)

// in wants these tokens to be in the lounge, and out those others not to be.
func (w *world) in(tokens ...wire.Token) {
	w.Helper()
	for _, token := range tokens {
		if _, err := w.tryFetch(token, wire.FetchArgs{}, wire.MaxFetch); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) out(tokens ...wire.Token) {
	w.Helper()
	for _, token := range tokens {
		_, err := w.tryFetch(token, wire.FetchArgs{}, wire.MaxFetch)
		w.refused(wire.CodeRevoked, err)
	}
}

func grantsMakeATree(w *world) {
	w.lounge(bob)
	w.ok(w.grant(bob, carol, bob))
	w.ok(w.grant(alice, dave, carol)) // anybody may who stands above
	w.refused(wire.CodeDenied, w.grant(carol, token("erin"), bob))
	w.refused(wire.CodeDenied, w.grant(carol, token("erin"), token("nobody")))
	w.in(alice, bob, carol, dave)
	// Repeated, also with another place: dave stays below carol.
	w.ok(w.grant(alice, dave, carol))
	w.ok(w.grant(alice, dave, alice))
	w.refused(wire.CodeDenied, w.revoke(dave, carol))
	w.ok(w.revoke(carol, dave))
	w.refused(wire.CodeRevoked, w.grant(alice, dave, alice))
	w.refused(wire.CodeDenied, w.grant(alice, token("erin"), dave))
	for i := range 16 {
		w.ok(w.grant(bob, token(string(rune('A'+i))), bob))
	}
	w.refused(wire.CodeFull, w.grant(bob, token("one too many"), bob))
}

func revokeTakesDownTheBranch(w *world) {
	w.lounge(bob)
	w.ok(w.grant(bob, carol, bob))
	w.ok(w.grant(carol, dave, carol))
	w.refused(wire.CodeDenied, w.revoke(bob, alice))
	w.refused(wire.CodeDenied, w.revoke(dave, bob))
	w.refused(wire.CodeDenied, w.revoke(alice, token("nobody")))
	w.ok(w.revoke(bob, carol))
	w.in(alice, bob)
	w.out(carol, dave)
	w.ok(w.revoke(alice, bob))
	w.ok(w.revoke(alice, bob)) // again
	w.ok(w.revoke(alice, dave))
	w.refused(wire.CodeRevoked, w.revoke(bob, carol))
	w.out(bob)
}

func revokeKeepsWhomItNames(w *world) {
	w.lounge(bob)
	erin, frank := token("erin"), token("frank")
	w.ok(w.grant(bob, carol, bob))
	w.ok(w.grant(carol, dave, carol))
	w.ok(w.grant(dave, erin, dave))
	w.ok(w.grant(bob, frank, bob))
	// dave is below carol, who stays: so he stays below her. alice is not
	// below bob, and nobody knows the last.
	w.ok(w.revoke(alice, bob, carol, dave, alice, token("nobody")))
	w.in(alice, carol, dave, erin)
	w.out(bob, frank)
	w.refused(wire.CodeDenied, w.revoke(dave, carol))
	w.ok(w.revoke(carol, dave, erin))
	w.in(carol, erin)
	w.out(dave)
	// A late repetition, of somebody else's view, changes nothing more.
	w.ok(w.revoke(alice, bob))
	w.in(carol, erin)
	w.ok(w.revoke(alice, carol))
	w.out(carol, erin)
}

func leavingPutsNobodyElseOut(w *world) {
	w.lounge(bob)
	erin, frank := token("erin"), token("frank")
	w.ok(w.grant(bob, carol, bob))
	w.ok(w.grant(carol, dave, carol))
	w.ok(w.grant(bob, erin, bob))
	w.ok(w.offer(bob, 1))
	// bob names one of those whom he has let in, and has not heard of the others.
	w.ok(w.revoke(bob, bob, carol))
	w.ok(w.revoke(bob, bob, carol))
	w.out(bob)
	w.in(alice, carol, dave, erin)
	_, err := w.redeem(1, frank, "too late")
	w.refused(wire.CodeWithdrawn, err)
	w.refused(wire.CodeDenied, w.grant(alice, frank, bob))
	w.ok(w.grant(carol, frank, carol))
	// Who stands above him stands above those below him still.
	w.refused(wire.CodeDenied, w.revoke(erin, carol))
	w.ok(w.revoke(alice, dave))
	w.ok(w.revoke(alice, bob, carol))
	w.in(alice, carol, frank)
	w.out(bob, dave, erin)
}

func theRootLeaves(w *world) {
	w.lounge(bob)
	w.ok(w.grant(bob, carol, bob))
	w.ok(w.grant(alice, dave, alice))
	w.ok(w.revoke(alice, alice))
	w.out(alice)
	w.in(bob, carol, dave)
	w.put(carol, "we go on")
	w.ok(w.grant(bob, token("erin"), carol))
	w.refused(wire.CodeDenied, w.revoke(dave, bob))
	w.ok(w.revoke(bob, bob))
	w.ok(w.revoke(carol, token("erin")))
	w.in(carol, dave)
	w.put(dave, "and on")
}
