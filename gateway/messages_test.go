package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hubbub/channels"
)

func TestTexts(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		plain, echo := r.connect("alice"), r.connect("alice", "echo-message", "message-tags")
		r.channel("#bob", "bob")
		plain.turn()
		echo.turn()

		plain.wants("PRIVMSG #bob :hello, Bob") // who types does not hear it
		echo.hears(":alice!alice@hubbub PRIVMSG #bob :hello, Bob")
		echo.wants("PRIVMSG #bob :from here", ":alice!alice@hubbub PRIVMSG #bob :from here")
		plain.hears(":alice!alice@hubbub PRIVMSG #bob :from here")
		plain.wants("PRIVMSG #bob :\x01ACTION waves\x01")
		echo.hears(":alice!alice@hubbub PRIVMSG #bob :\x01ACTION waves\x01")
		plain.wants("NOTICE #bob :take note")
		echo.hears(":alice!alice@hubbub NOTICE #bob :take note")
		plain.wants("@+typing=active;label=1 TAGMSG #bob")
		plain.wants("@label=2 PRIVMSG #bob :tagged")
		echo.hears(":alice!alice@hubbub PRIVMSG #bob tagged")

		sent := given[channels.Send](r)
		want := []channels.Send{
			{Channel: "#bob", Kind: channels.Text, Text: "hello, Bob"},
			{Channel: "#bob", Kind: channels.Text, Text: "from here"},
			{Channel: "#bob", Kind: channels.Action, Text: "waves"},
			{Channel: "#bob", Kind: channels.Notice, Text: "take note"},
			{Channel: "#bob", Kind: channels.Text, Text: "tagged"},
		}
		for i := range want {
			want[i].Ref = sent[i].Ref
			if sent[i] != want[i] {
				t.Errorf("sent %+v, not %+v", sent[i], want[i])
			}
		}

		now := time.Now()
		r.happen(
			channels.Line{Channel: "#bob", From: "bob", Kind: channels.Text, Text: "hi, Alice", Time: now},
			channels.Line{Channel: "#bob", From: "bob", Kind: channels.Action, Text: "sits down", Time: now},
			channels.Line{Channel: "#bob", From: "bob", Kind: channels.Notice, Text: "n b", Time: now},
			channels.Line{Channel: "#bob", Kind: channels.Info, Text: "two texts wait for a hub", Time: now})
		plain.hears(
			":bob!bob@hubbub PRIVMSG #bob :hi, Alice",
			":bob!bob@hubbub PRIVMSG #bob :\x01ACTION sits down\x01",
			":bob!bob@hubbub NOTICE #bob :n b",
			":sysop!sysop@hubbub NOTICE #bob :two texts wait for a hub")
	})
}

func TestTextsThatGoNowhere(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.turn()
		c.wants("PRIVMSG", ":gateway.hubbub 411 alice :No recipient given (PRIVMSG)")
		c.wants("PRIVMSG #bob", ":gateway.hubbub 412 alice :No text to send")
		c.wants("PRIVMSG #bob :", ":gateway.hubbub 412 alice :No text to send")
		has(t, c.ask("PRIVMSG #no :x"), "403 alice #no :No such channel")
		has(t, c.ask("PRIVMSG a,b,c,d,e :x"), "407 alice a,b,c,d,e :Too many recipients")
		got := c.ask("PRIVMSG #bob :\xff\xfe")
		has(t, got, "FAIL PRIVMSG INVALID_UTF8 :")
		has(t, got, ":sysop!sysop@hubbub NOTICE #bob :Not sent: it is not UTF-8.")
		got = c.ask("PRIVMSG #bob :unsendable")
		has(t, got, "404 alice #bob :Cannot send to channel: that text can't be sent")
		has(t, got, "NOTICE #bob :Not sent: “unsendable”. That text can't be sent.")

		c.wants("PRIVMSG #bob :\x01VERSION\x01", ":sysop!sysop@hubbub NOTICE #bob :CTCP VERSION is not sent: nobody's client is asked anything here. /whois tells when somebody was last heard.")
		has(t, c.ask("PRIVMSG #bob :\x01DCC SEND x 1 2 3\x01"), "NOTICE #bob :DCC is not sent")
		has(t, c.ask("PRIVMSG bob :\x01PING 1\x01"), "sysop", "PRIVMSG alice :CTCP PING is not sent")
		c.wants("NOTICE bob :\x01VERSION irssi\x01")
		c.wants("PRIVMSG #bob :\x01ACTION a\x01b\x01", ":sysop!sysop@hubbub NOTICE #bob :CTCP ACTION is not sent: nobody's client is asked anything here. /whois tells when somebody was last heard.")
		c.wants("NOTICE sysop :x")
		for _, in := range given[channels.Send](r) {
			if in.Text != "unsendable" {
				t.Errorf("sent %+v", in)
			}
		}
		r.do(func() { r.core.err = fmt.Errorf("disk full") })
		got = c.ask("PRIVMSG #bob :precious")
		has(t, got, "NOTICE #bob :Not sent: “precious”. The phonebook could not be written (disk full)")
		r.do(func() { r.core.err = nil })
	})
}

func TestControlCharactersStay(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.ask("PRIVMSG #bob :a\tb\x07c\x02bold\x02 \x1b[2J\x00d\x0304red")
		if sent := given[channels.Send](r); sent[0].Text != "a    bc\x02bold\x02 [2Jd\x0304red" {
			t.Errorf("sent %q", sent[0].Text)
		}
	})
}

// What members send must not become other lines, or CTCP, or anything a
// terminal obeys, even if the core let it through.
func TestHostileMember(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice", "extended-join", "server-time")
		r.channel("#bob", "bob")
		c.turn()
		evil := "x\r\nQUIT :bye\x00\x01VERSION\x01\x1b[31m\x7f"
		at := time.Now()
		stamp := "@time=2000-01-01T00:00:00.000Z "
		r.happen(channels.Line{Channel: "#bob", From: "bob", Kind: channels.Text, Text: "\x01VERSION\x01", Time: at})
		c.hears(stamp + ":bob!bob@hubbub PRIVMSG #bob VERSION")
		r.happen(channels.Line{Channel: "#bob", From: "bob", Kind: channels.Text, Text: evil, Time: at})
		c.hears(stamp+":bob!bob@hubbub PRIVMSG #bob x", stamp+":bob!bob@hubbub PRIVMSG #bob :QUIT :byeVERSION[31m")
		r.happen(channels.Line{Channel: "#bob", From: "bob", Kind: channels.Action, Text: "\x01DCC\nb", Time: at})
		c.hears(stamp+":bob!bob@hubbub PRIVMSG #bob :\x01ACTION DCC\x01", stamp+":bob!bob@hubbub PRIVMSG #bob :\x01ACTION b\x01")
		r.happen(channels.Line{Channel: "#bob", From: "a b!c@d\r\nJOIN", Kind: channels.Text, Text: "t", Time: at})
		c.hears(stamp + ":a_b_c_d__JOIN!abcdjoin@hubbub PRIVMSG #bob t")
		r.happen(channels.Topic{Channel: "#bob", Nick: evil, Text: evil, Time: at})
		for _, l := range c.turn() {
			if !strings.Contains(l, " TOPIC #bob :x QUIT :byeVERSION[31m") || !utf8.ValidString(l) {
				t.Errorf("%q", l)
			}
		}
		r.happen(channels.Joined{Channel: "#bob", Nick: evil}, channels.Left{Channel: "#bob", Nick: evil, By: evil}, channels.Renamed{Channel: "#bob", Old: evil, New: evil})
		for _, l := range c.turn() {
			if strings.ContainsAny(l, "\x00\x01\x1b\x7f") || !strings.HasPrefix(l, ":x__QUIT__bye__VERSION__[31m_!") {
				t.Errorf("%q", l)
			}
		}
	})
}

// A text to bob goes to the one channel that is bob's and the user's alone.
func TestPrivateTexts(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c, echo := r.connect("alice"), r.connect("alice", "echo-message")
		r.channel("#bob", "bob")
		r.channel("#work", "bob", "carol")
		c.turn()
		echo.turn()
		c.wants("PRIVMSG BOB :psst", ":alice!alice@hubbub PRIVMSG #bob psst")
		echo.hears(":alice!alice@hubbub PRIVMSG #bob psst")
		echo.wants("PRIVMSG bob :\x01ACTION nods\x01",
			":alice!alice@hubbub PRIVMSG bob :\x01ACTION nods\x01",
			":alice!alice@hubbub PRIVMSG #bob :\x01ACTION nods\x01")
		c.turn()
		c.wants("PRIVMSG carol :psst",
			":gateway.hubbub 401 alice carol :No such nick, or no channel that is yours and theirs alone",
			":sysop!sysop@hubbub NOTICE alice :Not sent: there is no one channel for you and carol alone. carol is in #work: write there.")
		has(t, c.ask("PRIVMSG dave :psst"), "NOTICE alice :Not sent: dave is in none of your channels.", "/join #dave, then /invite dave")
		has(t, c.ask("PRIVMSG alice :psst"), "NOTICE alice :Not sent: that is yourself.")
		r.channel("#bob2", "bob")
		c.turn()
		has(t, c.ask("PRIVMSG bob :psst"), "bob is in #bob, #work, #bob2: write there")
		if n := len(given[channels.Send](r)); n != 2 {
			t.Errorf("%d texts were sent", n)
		}
	})
}

// A joiner learns who stands above whom when the members become known, once.
func TestRanksAreToldOnce(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.do(func() {
			r.core.open("#bob", time.Now())
			r.core.view("#bob").Waiting = true
		})
		r.happen(channels.Shown{Channel: "#bob"})
		c.turn()
		r.do(func() {
			v := r.core.view("#bob")
			v.Waiting = false
			v.Members = append(v.Members, channels.MemberView{Nick: "boss", Founder: true, Above: true})
		})
		r.happen(channels.Joined{Channel: "#bob", Nick: "boss"})
		c.hears(":boss!boss@hubbub JOIN #bob", ":gateway.hubbub MODE #bob +o boss")
	})
}

func TestMembersComeAndGo(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		x := r.connect("alice", "extended-join")
		r.channel("#bob", "bob")
		r.channel("#work", "bob", "carol")
		c.turn()
		x.turn()
		r.happen(channels.Joined{Channel: "#bob", Nick: "dave", By: "bob"})
		c.hears(":dave!dave@hubbub JOIN #bob", ":sysop!sysop@hubbub NOTICE #bob :New here: dave, invited by bob.")
		x.hears(":dave!dave@hubbub JOIN #bob * dave", ":sysop!sysop@hubbub NOTICE #bob :New here: dave, invited by bob.")
		r.do(func() {
			v := r.core.view("#bob")
			v.Members = append(v.Members, channels.MemberView{Nick: "boss", Above: true})
		})
		r.happen(channels.Joined{Channel: "#bob", Nick: "boss"})
		c.hears(":boss!boss@hubbub JOIN #bob", ":gateway.hubbub MODE #bob +o boss")
		r.happen(channels.Joined{Channel: "#bob", Nick: "dave", By: "bob"})
		c.hears() // known already
		r.happen(channels.Left{Channel: "#bob", Nick: "dave"}, channels.Left{Channel: "#bob", Nick: "nobody"})
		c.hears(":dave!dave@hubbub PART #bob")
		r.happen(channels.Joined{Channel: "#bob", Nick: "dave", By: "bob"})
		c.turn()
		r.happen(channels.Left{Channel: "#bob", Nick: "dave", By: "bob"})
		c.hears(":bob!bob@hubbub KICK #bob dave :removed by bob")

		// bob is in both channels, and in one he is robert now
		r.do(func() { r.core.view("#bob").Members[1].Nick = "robert" })
		r.happen(channels.Renamed{Channel: "#bob", Old: "bob", New: "robert"})
		c.hears(":bob!bob@hubbub PART #bob :is now known as robert here", ":robert!robert@hubbub JOIN #bob")
		r.do(func() { r.core.view("#work").Members[2].Nick = "caroline" })
		r.happen(channels.Renamed{Channel: "#work", Old: "carol", New: "caroline"})
		c.hears(":carol!carol@hubbub NICK caroline")

		c.ask("PART #bob")
		r.happen(channels.Joined{Channel: "#bob", Nick: "eve"})
		c.hears() // not shown
		r.do(func() { r.core.view("#bob").Hidden = false })
		r.happen(channels.Shown{Channel: "#bob"}, channels.Line{Channel: "#bob", From: "robert", Kind: channels.Text, Text: "knock", Time: time.Now()})
		if s := strings.Join(numerics(c.turn()), " "); s != "JOIN 353 366 PRIVMSG" {
			t.Errorf("a text in a hidden channel: %s", s)
		}
		r.happen(channels.Gone{Channel: "#bob"})
		c.hears(":alice!alice@hubbub PART #bob :Left for good")
	})
}

// When the user takes a nick that members have, they lose it first, for a
// client takes who has its nick for itself. A member of two channels may lose
// it to different nicks.
func TestTakenNicksAreVacated(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		r.channel("#work", "bob")
		c.turn()
		r.do(func() {
			r.core.nick = "bob"
			r.core.view("#bob").Members[1].Nick = "bob_2"
			r.core.view("#work").Members[1].Nick = "bob_3"
		})
		r.happen(
			channels.Renamed{Old: "alice", New: "bob", Own: true},
			channels.Renamed{Channel: "#bob", Old: "bob", New: "bob_2"},
			channels.Renamed{Channel: "#work", Old: "bob", New: "bob_3"})
		c.hears(
			":bob!bob@hubbub PART #bob :is now known as bob_2 here", ":bob_2!bob2@hubbub JOIN #bob",
			":bob!bob@hubbub NICK bob_3",
			":alice!alice@hubbub NICK bob")
	})
}

func TestWarningsWaitForAClient(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		r.happen(channels.Warn{Channel: "#bob", Text: "somebody else used your key"}, channels.Warn{Text: "the clock is wrong"})
		c := r.dial()
		got := c.register("alice", "alice")
		has(t, got, ":sysop!sysop@hubbub NOTICE #bob :somebody else used your key")
		has(t, got, ":sysop!sysop@hubbub PRIVMSG alice :the clock is wrong")
		hasNot(t, r.dial().register("alice", "alice"), "somebody else")
		r.happen(channels.Warn{Channel: "#bob", Text: "again"})
		c.hears(":sysop!sysop@hubbub NOTICE #bob again")
	})
}

// An answer that comes when whoever asked has gone reaches the others.
func TestAnswersOutliveWhoAsked(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		a, b := r.connect("alice"), r.connect("alice")
		var ref channels.Ref
		r.do(func() {
			for c := range r.g.clients {
				ref = r.g.ask(asked{client: c, command: "JOIN", channel: "#x"})
				r.g.drop(c, "test")
				break
			}
		})
		a.turn()
		b.turn()
		r.happen(channels.Failed{Ref: ref, Channel: "#x", Code: channels.CodeExpired, Text: "that key is expired"})
		has(t, append(a.turn(), b.turn()...), "PRIVMSG alice :#x: That key is expired.")
	})
}
