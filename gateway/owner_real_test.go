package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A hub's owner gives a guest an account; the guest opens a channel, fills his quota
// and is told; he is banned, and served again. All over real connections.
func TestGuestForReal(t *testing.T) {
	t.Parallel()
	first := startRealHub(t)
	alice, bob, carol := realTalker(t, "alice"), realTalker(t, "bob"), realTalker(t, "carol")
	alice.says("PRIVMSG sysop :hub add "+first.url()+" "+first.key.String(), "is ready. It is yours")
	alice.says("PRIVMSG sysop :hub guests", "has no guests", "/msg sysop hub guest add NAME 200MB")

	alice.says("PRIVMSG sysop :hub guest add bob 50MB", "bob may open channels on "+first.url()+", of 50 MiB together. Give bob this line")
	lost := alice.hears("PRIVMSG alice :/msg sysop hub add " + first.url() + " ")
	alice.says("PRIVMSG sysop :hub guest add bob 60MB", "bob may open channels on ")
	line := alice.hears("PRIVMSG alice :/msg sysop hub add " + first.url() + " ")
	alice.says("PRIVMSG sysop :hub guests", "bob: 0 KiB of 60 MiB in 0 channels; has not used the key yet, which is good until ")
	_, lost, _ = strings.Cut(lost, "/msg sysop ")
	_, line, _ = strings.Cut(line, "/msg sysop ")
	bob.says("PRIVMSG sysop :"+lost, "The hub does not know this key")
	bob.says("PRIVMSG sysop :"+line, "is ready. You are a guest on it")
	carol.says("PRIVMSG sysop :"+line, "Somebody else has claimed this hub with this key")
	alice.says("PRIVMSG sysop :hub guest add bob 60MB", "bob has an account on "+first.url()+" already")

	bob.says("JOIN #carol", " 366 ")
	key := keyAtEnd(bob.says("INVITE carol #carol", "PRIVMSG bob :/join #bob "))
	carol.says("JOIN #bob "+key, " 366 ")
	bob.hears(":carol!carol@hubbub JOIN #carol")
	carol.says("PRIVMSG #bob :hello there")
	bob.hears("PRIVMSG #carol :hello there")
	bob.says("PRIVMSG sysop :hub status", "You are a guest on "+first.url()+": the channels that you opened there hold ", " of 60 MiB.")
	bob.says("PRIVMSG sysop :hub list", "you are a guest there; up")
	bob.hears("You are a guest on "+first.url(), " of 60 MiB.")
	bob.says("PRIVMSG sysop :hub guests", "You own no hub")
	alice.says("PRIVMSG sysop :hub guests", "bob: ", " of 60 MiB in 1 channel; since ")
	number := strings.Fields(alice.says("PRIVMSG sysop :hub channels", ", opened by bob: "))[4]
	number = strings.Trim(number, ":,")

	alice.says("PRIVMSG sysop :hub ban carol", first.url()+" has no guest carol.")
	alice.confirms("hub ban bob", "Have "+first.url()+" serve its guest bob no more? The account opens no channel there, and 1 channel that it opened is served to nobody.",
		first.url()+" serves bob no more, nor anybody in the channels that bob opened there, but for those that you are in. Nothing was deleted. To take it back: /msg sysop hub unban bob")
	bob.hears("NOTICE #carol :The owner of the hub " + first.url() + " serves you no more in #carol: ")
	has(t, bob.sysop("status #carol"), "up, but its owner SERVES YOU NO MORE")
	bob.says("PRIVMSG sysop :hub status", "The owner of "+first.url()+" serves you no more there.")
	bob.says("PRIVMSG #carol :into the void")
	alice.says("PRIVMSG sysop :hub unban bob", first.url()+" serves bob again.")
	alice.says("PRIVMSG sysop :hub unban bob", "bob is not banned on "+first.url())
	carol.hears("PRIVMSG #bob :", "into the void")

	alice.says("PRIVMSG sysop :hub quota bob", "bob holds ", " of 60 MiB on "+first.url()+", in 1 channel.")
	alice.says("PRIVMSG sysop :hub quota bob 8KB", "bob may hold on "+first.url()+": 8 KiB.")
	for range 4 {
		bob.says("PRIVMSG #carol :" + strings.Repeat("more and more ", 25))
	}
	bob.hears("NOTICE #carol :The hub " + first.url() + " is full for #carol: its oldest texts make room for new ones.")
	bob.says("PRIVMSG sysop :hub status", "of 8 KiB. That is nearly all: ", "Its owner can give you more.")
	alice.says("PRIVMSG sysop :hub quota "+number+" 3MB", "The channel "+number+", opened by bob may hold on "+first.url()+": 3 MiB.")
	alice.says("PRIVMSG sysop :hub quota bob 2GB", "bob may hold on "+first.url()+": 2 GiB.")

	alice.confirms("hub retire", "Have "+first.url()+" close on ", first.url()+" closes on ", "all who have a channel there are told so")
	alice.hears("Of others, and still here: " + number + ", opened by bob.")
	bob.hears("NOTICE #carol :the hub "+first.url()+", the only one of #carol, closes on ", "/msg sysop help hub add")
	has(t, bob.waitsFor("status #carol", "CLOSES on "), "CLOSES on ")
	alice.says("PRIVMSG sysop :hub retire", ": It CLOSES on ", "To take that back: /msg sysop hub retire "+first.url()+" off")
	alice.says("PRIVMSG sysop :hub guest drop bob", "Take bob's account on "+first.url()+" back?")
	alice.says("PRIVMSG sysop :hub guest drop bob", "bob is no guest of "+first.url()+" any more.")
	bob.hears("NOTICE #carol :The hub "+first.url()+" takes nothing new for #carol any more: ", "/msg sysop help hub rescue")
	alice.says("PRIVMSG sysop :hub retire", "All have moved: you can delete it.")
	alice.says("PRIVMSG sysop :hub retire off", first.url()+" stays")
}

// confirms has somebody say a command to sysop twice, as it wants to be said.
func (r *talker) confirms(command, warning string, want ...string) {
	r.t.Helper()
	r.says("PRIVMSG sysop :"+command, warning)
	r.hears("To do it, say it again within a minute: /msg sysop " + command)
	r.says("PRIVMSG sysop :"+command, want...)
}

// Who bans a guest is not locked out of a channel that the guest has opened, nor is
// anybody else in it: the guest alone is kept out.
func TestOwnerIsNotLockedOutForReal(t *testing.T) {
	t.Parallel()
	first := startRealHub(t)
	alice, bob, carol := realTalker(t, "alice"), realTalker(t, "bob"), realTalker(t, "carol")
	alice.says("PRIVMSG sysop :hub add "+first.url()+" "+first.key.String(), "is ready. It is yours")
	alice.says("PRIVMSG sysop :hub guest add bob", "bob may open channels on ")
	_, line, _ := strings.Cut(alice.hears("PRIVMSG alice :/msg sysop hub add "+first.url()+" "), "/msg sysop ")
	bob.says("PRIVMSG sysop :"+line, "is ready. You are a guest on it")
	bob.says("JOIN #all", " 366 ")
	for nick, p := range map[string]*talker{"alice": alice, "carol": carol} {
		key := keyAtEnd(bob.says("INVITE "+nick+" #all", "PRIVMSG bob :/join #bob "))
		p.says("JOIN #bob "+key, " 366 ")
		bob.hears(":" + nick + "!" + nick + "@hubbub JOIN #all")
	}
	carol.says("PRIVMSG #bob :hello there")
	alice.hears("PRIVMSG #bob :hello there")
	alice.says("PRIVMSG sysop :hub ban #bob", "You are in #bob yourself, and would lock yourself out of it.")
	alice.says("PRIVMSG sysop :hub ban bob", "The account opens no channel there. Nothing is deleted")
	alice.hears("You are in #bob, too, opened by bob: that goes on, as yours, and bob alone is kept out of it there.")
	alice.hears("Whoever has the nick bob in #bob is banned there by /msg sysop hub ban #bob bob")
	alice.says("PRIVMSG sysop :hub ban bob", first.url()+" serves bob no more, ")
	bob.hears("NOTICE #all :The owner of the hub " + first.url() + " serves you no more in #all: ")
	alice.says("PRIVMSG #bob :without him")
	carol.hears("PRIVMSG #bob :without him")
	carol.says("PRIVMSG #bob :as before")
	alice.hears("PRIVMSG #bob :as before")
	hasNot(t, alice.sysop("status #bob"), "SERVES YOU NO MORE")
	alice.says("PRIVMSG sysop :hub channels", "(your #bob): ")
	alice.says("PRIVMSG sysop :hub unban bob", first.url()+" serves bob again.", "/msg sysop hub unban #chan NICK")
	alice.says("PRIVMSG sysop :hub unban #bob bob", first.url()+" serves bob in #bob again.")
	bob.hears("PRIVMSG #all :", "as before")
}

// That a hub stays after all is heard at once, as that it goes.
func TestHubStaysForReal(t *testing.T) {
	t.Parallel()
	first := startRealHub(t)
	alice, bob := realTalker(t, "alice"), realTalker(t, "bob")
	getTogether(alice, bob, first)
	alice.confirms("hub retire 30 days", "There is 1 channel on it.", first.url()+" closes on ")
	bob.hears("NOTICE #alice :the hub "+first.url()+", the only one of #alice, closes on ", "/msg sysop help hub add")
	alice.says("PRIVMSG sysop :hub retire off", first.url()+" stays, and all who have a channel there are told so.")
	bob.hears("NOTICE #alice :the hub " + first.url() + " stays after all")
	alice.says("PRIVMSG sysop :hub retire off", "does not close: there is nothing to take back.")
}

// A hub is forgotten: what another has leaves it, what has no other stays.
func TestHubIsForgottenForReal(t *testing.T) {
	t.Parallel()
	first, second := startRealHub(t), startRealHub(t)
	alice, bob := realTalker(t, "alice"), realTalker(t, "bob")
	getTogether(alice, bob, first)
	bob.says("PRIVMSG sysop :hub forget "+first.url(), first.url()+" is no hub of yours")
	alice.says("PRIVMSG sysop :hub add "+second.url()+" "+second.key.String(), "is ready. It is yours")
	bob.waitsFor("status #alice", "hub "+second.url()+": added by alice; up")
	alice.says("PRIVMSG sysop :hub forget "+first.url(), "Forget "+first.url()+"? Your account there is deleted")
	alice.hears("#bob leaves it, for all members, and goes on over other hubs.")
	alice.hears("Others who have a channel there are not told: ")
	alice.says("PRIVMSG sysop :hub forget "+first.url(), first.url()+" is none of your hubs any more. #bob goes on over other hubs, and the others are told. What you have: /msg sysop hub list")
	bob.waitsWhile("status #alice", first.url())
	hasNot(t, alice.sysop("hub list"), first.url())
	first.die()
	alice.says("PRIVMSG sysop :hub forget "+second.url(), "Forget "+second.url()+"?")
	alice.hears("On NO OTHER hub that answers: #bob. It stays there, as on somebody else's hub, and when that is gone nobody can speak there. With another hub of yours, first: /msg sysop hub mirror #bob URL")
	alice.says("PRIVMSG sysop :hub forget "+second.url(), "Still there, since no other hub of it answers, or another member keeps it there: #bob.")
	alice.says("PRIVMSG sysop :hub status "+second.url(), second.url()+" is none of your hubs any more")
	alice.says("PRIVMSG #bob :it goes on")
	bob.hears("PRIVMSG #alice :it goes on")
}

// A hub is exported and imported at another place: the same hub, guests and all, and
// the conversation goes on there.
func TestHubMovesForReal(t *testing.T) {
	t.Parallel()
	first, second := startRealHub(t), startRealHub(t)
	alice, bob := realTalker(t, "alice"), realTalker(t, "bob")
	getTogether(alice, bob, first)
	alice.says("PRIVMSG sysop :hub guest add dora 5MB", "dora may open channels on ")

	folder := t.TempDir()
	file := filepath.Join(folder, "my hub.age")
	alice.says("PRIVMSG sysop :hub export "+first.url()+" "+file, "Reading "+first.url())
	alice.hears(first.url() + " was written to " + file)
	passphrase := keyAtEnd(alice.hears("PRIVMSG alice :    passphrase: "))
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	alice.says("PRIVMSG sysop :hub export "+first.url()+" "+file, file+" is there already, and I overwrite nothing.")
	alice.says("PRIVMSG sysop :hub import "+second.url()+" "+second.key.String()+" "+file+" ABCDE-ABCDE", "That is not the passphrase of "+file)
	alice.says("PRIVMSG sysop :hub import "+second.url()+" "+second.key.String()+" "+file+"2 "+passphrase, file+"2 is not there")
	alice.says("PRIVMSG sysop :hub import "+second.url()+" "+first.key.String()+" "+file+" "+passphrase, "The hub at "+second.url()+" is not the one that this key is for")

	old := first.url()
	alice.says("PRIVMSG sysop :hub import "+second.url()+" "+second.key.String()+" "+file+" "+strings.ToLower(passphrase), "The hub from "+old+" is up at "+second.url()+". Telling the others")
	alice.hears("The hub is asked at " + second.url() + " from now on, and the others are told so. Where it was it takes nothing new.")
	bob.waitsFor("status #alice", "hub "+second.url()+": added by alice; up")
	bob.says("PRIVMSG #alice :here we are")
	alice.hears("PRIVMSG #bob :here we are")
	first.die()
	alice.says("PRIVMSG #bob :and the old one is gone")
	bob.hears("PRIVMSG #alice :and the old one is gone")
	has(t, alice.waitsFor("hub list", "hub "+second.url()+": yours; up"), "1 channel")
	hasNot(t, alice.sysop("hub list"), old)
	alice.says("PRIVMSG sysop :hub guests", "dora: ", " of 5 MiB in 0 channels; has not used the key yet")
	alice.says("PRIVMSG sysop :hub status", "The hub "+second.url()+" says that it is ")
}

// A hub goes: channels that are on another leave it by themselves.
func TestHubRetiresForReal(t *testing.T) {
	t.Parallel()
	first, second := startRealHub(t), startRealHub(t)
	alice, bob := realTalker(t, "alice"), realTalker(t, "bob")
	getTogether(alice, bob, first)
	alice.confirms("hub retire 3", "Have "+first.url()+" close on ", first.url()+" closes on ")
	alice.hears("Have NOWHERE to go yet: #bob. With another hub of yours: /msg sysop hub mirror #bob URL")
	bob.hears("NOTICE #alice :the hub "+first.url()+", the only one of #alice, closes on ", "/msg sysop help hub add")
	bob.hears("NOTICE bob :The hub "+first.url()+" closes on ", "It is the only one of #alice")
	bob.says("PRIVMSG sysop :hub add "+second.url()+" "+second.key.String(), "is ready. It is yours")
	alice.hears("NOTICE #bob :#bob is not kept on " + first.url() + " any more, which closes: " + second.url() + " has all of it")
	alice.says("PRIVMSG sysop :hub retire", "It CLOSES on ")
	alice.hears("All have moved: you can delete it.")
	alice.says("PRIVMSG sysop :hub status", "The hub "+first.url()+" says that it is ")
	alice.hears("It CLOSES on ")
	alice.hears("Whether all have moved: /msg sysop hub retire " + first.url())
	bob.waitsWhile("status #alice", first.url())
	first.die()
	bob.says("PRIVMSG #alice :it goes on")
	alice.hears("PRIVMSG #bob :it goes on")
}
