package lock

import (
	"path/filepath"
	"testing"
)

func TestALockIsHeldByOneUntilReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Wait(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Try(path); ok || err != nil {
		t.Fatalf("a second holder: %v, %v", ok, err)
	}
	release()
	release, ok, err := Try(path)
	if !ok || err != nil {
		t.Fatalf("after release: %v, %v", ok, err)
	}
	release()
}

func TestAFolderIsLockedWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	release, err := WaitFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	go func() {
		if again, err := WaitFolder(dir); err == nil {
			again()
		}
		close(held)
	}()
	select {
	case <-held:
		t.Fatal("two hold one folder")
	default:
	}
	release()
	<-held
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
		t.Fatal("left behind", files)
	}
}

func TestSeveralShareALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Share(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Share(path)
	if err != nil {
		t.Fatal(err)
	}
	first()
	if _, ok, err := Try(path); ok || err != nil {
		t.Fatalf("alone beside one who shares it: %v, %v", ok, err)
	}
	second()
	release, ok, err := Try(path)
	if !ok || err != nil {
		t.Fatalf("after the last: %v, %v", ok, err)
	}
	release()
}
