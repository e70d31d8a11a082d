package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// password is what IRC clients must give: as it is, or as its bcrypt hash
// ("$2y$…", as htpasswd -B makes them). Empty: none is asked for.
type password string

// hashed reports whether the password stands in the file as a hash.
func (p password) hashed() bool {
	return strings.HasPrefix(string(p), "$2")
}

// valid refuses a hash that bcrypt can't read, before anybody is locked out.
func (p password) valid() error {
	if !p.hashed() {
		return nil
	}
	if _, err := bcrypt.Cost([]byte(p)); err != nil {
		return errors.New("password: begins with $2 like a bcrypt hash, but is none")
	}
	return nil
}

// matches compares what a client gave in constant time. With a hash it takes
// tens of milliseconds, so call it from the connection's own goroutine.
func (p password) matches(given string) bool {
	if p.hashed() {
		return bcrypt.CompareHashAndPassword([]byte(p), []byte(given)) == nil
	}
	want, got := sha256.Sum256([]byte(p)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// String keeps the password out of logs and errors.
func (p password) String() string {
	if p == "" {
		return "none"
	}
	return "set"
}
