package hubtest

import "testing"

// Every way of serving a hub passes one suite.
func TestWays(t *testing.T) {
	for _, way := range Ways() {
		t.Run(way.Name, func(t *testing.T) { Conversation(t, way.Start(t)) })
	}
}
