package hub_test

import (
	"testing"

	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// What the page shows and the gateway writes is what the documentation has, with
// which the tests start Apache.
func TestAccessFileIsAsDocumented(t *testing.T) {
	if got := hubtest.Htaccess(t); got != hub.AccessFile {
		t.Errorf("docs/hosting.md has\n%s\nand not\n%s", got, hub.AccessFile)
	}
}
