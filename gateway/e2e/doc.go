// Package e2e holds the end-to-end tests: real irssi and WeeChat in tmux, real
// gateway processes, the real hub.cgi under a real Apache. It has no code of
// its own beside them.
//
// A story is told in a file each: newuser_test.go is the way that the README
// shows, hub_test.go the same through a hub of one's own, newcomer_test.go how
// one is put up with an FTP program and a browser, kill_test.go what
// survives kill -9, hubdies_test.go what survives the end of every hub,
// groups_test.go how a group lives, joining_test.go who joins as a hub dies,
// apart_test.go who talks without a hub in common, disk_test.go full disks,
// odd_test.go a hub that answers nonsense, ways_test.go proxies and further
// URLs, and so on. What the stories stand on is in tmux_test.go,
// clients_test.go, gateway_test.go, talker_test.go, people_test.go,
// party_test.go, browser_test.go, gate_test.go, hubs_test.go, hubd_test.go, network_test.go,
// proxy_test.go, qr_test.go and golden_test.go.
//
// On a machine that lacks a program, a test skips and names the Debian package;
// with CI=true it fails. Tests that need root, because they make a user to own
// a web directory, network namespaces or a small disk, run with CI=true only.
//
//	go test ./gateway/e2e                        everything that this machine can run
//	go test ./gateway/e2e -run Kill -seeds 20    the long run of the kill test
//	go test ./gateway/e2e -update                write the golden screens anew
//	go test ./gateway/e2e -run - -bench .        a message gateway to gateway
package e2e
