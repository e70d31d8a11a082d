package main

import (
	"strings"
	"testing"
)

// Three people, each with a gateway of their own: who may put whom out, what the
// removed one is told, what a newcomer is shown of what was said before, and how
// they go on without the founder.
func TestThreePeople(t *testing.T) {
	t.Parallel()
	alice, bob, carol := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol")
	alice.types("JOIN #work")
	alice.sees(" 366 ")
	bob.types(strings.Replace(alice.invites("bob", "#work"), "#alice", "#work", 1))
	alice.sees(":bob!bob@hubbub JOIN #work")
	bob.types("PRIVMSG #work :hello", "PRIVMSG #work :\x01ACTION waves\x01")
	alice.sees("ACTION waves")
	carol.types(strings.Replace(alice.invites("carol", "#work"), "#alice", "#club", 1))
	bob.sees(":sysop!sysop@hubbub NOTICE #work :New here: carol, invited by alice.")
	alice.sees(":carol!carol@hubbub JOIN #work")
	carol.sees(":gateway.hubbub MODE #club +o alice")

	alice.types("PRIVMSG sysop :share carol 2")
	carol.sees(":alice!alice@hubbub PRIVMSG #club :[bob, ", "] hello")
	carol.sees(":alice!alice@hubbub PRIVMSG #club :[bob, ", "] * bob waves")

	alice.types("PRIVMSG sysop :verify bob", "WHOIS bob")
	alice.sees(" 320 alice bob :in #work: key ", "; verified: you have compared it")
	carol.types("KICK #club bob", "KICK #club alice", "KICK #club eve")
	carol.sees(" 482 carol #club :bob was brought in by alice: only alice can remove bob.")
	carol.sees(" 482 carol #club :alice founded #club: nobody can remove the founder.")
	carol.sees(" 441 carol eve #club ")

	carol.types("PRIVMSG sysop :fork #club #new without alice")
	carol.sees("#new is founded, and 1 of #club is invited")
	bob.sees(":carol!carol@hubbub INVITE bob #new")
	bob.types("JOIN #new")
	bob.sees(":bob!bob@hubbub JOIN #new")
	carol.sees(":bob!bob@hubbub JOIN #new")

	alice.types("KICK #work carol :too loud")
	for _, p := range []*person{alice, bob} {
		p.sees(":alice!alice@hubbub KICK #work carol :removed by alice")
	}
	alice.sees("NOTICE #work :Your reason was told to nobody")
	carol.sees(":sysop!sysop@hubbub NOTICE #club :alice has removed you from #club. What was said so far stays here")
	carol.types("PRIVMSG #club :wait", "PRIVMSG sysop :status #club")
	carol.sees(" 404 carol #club :Cannot send to channel: you were removed from #club")
	carol.sees("#club: ", "; you were REMOVED by alice")
	alice.types("PRIVMSG #work :she is gone")
	bob.sees(":alice!alice@hubbub PRIVMSG #work :she is gone")
	for _, l := range carol.meanwhile() {
		if strings.Contains(l, "she is gone") {
			t.Errorf("carol hears %q", l)
		}
	}
	bob.types("PRIVMSG #new :and here we are")
	carol.sees(":bob!bob@hubbub PRIVMSG #new :and here we are")
}
