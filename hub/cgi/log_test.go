package main

import (
	"errors"
	"strings"
	"testing"
)

// What the hub complains of is one line each, whatever is in it.
func TestTheLogHasALineForEachFault(t *testing.T) {
	var out strings.Builder
	log := stderrLog{&out}
	log.Error("there is no hub", "error", errors.New("a \"name\"\nlevel=ERROR msg=forged"), "held", 3)
	log.Warn("slow")
	log.Warn("odd", "value without a name")
	want := `level=ERROR msg="there is no hub" error="a \"name\"\nlevel=ERROR msg=forged" held="3"` + "\n" +
		`level=WARN msg="slow"` + "\n" + `level=WARN msg="odd"` + "\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
