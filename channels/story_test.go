package channels_test

import (
	"testing"
	"time"
)

func TestTwoPeopleTalk(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "hello")
	w.run(time.Second)
	bob.says("#alice", "hi there")
	w.run(time.Second)
	alice.says("#bob", "how are you?")
	bob.says("#alice", "grüß Gott — 你好")
	w.run(time.Second)
	alice.saw("#bob", "alice: hello", "bob: hi there", "alice: how are you?", "bob: grüß Gott — 你好")
	bob.saw("#alice", "alice: hello", "bob: hi there", "bob: grüß Gott — 你好", "alice: how are you?")
}
