package session

import "errors"

// Why something was refused. Errors of this package wrap one of these.
var (
	// ErrMalformed: the bytes do not have the layout, or a value is out of its
	// limits. Known without any key, or only after everything else was right.
	ErrMalformed = errors.New("malformed")
	// ErrCommitment: this message key is not the one the envelope was sealed with.
	ErrCommitment = errors.New("sealed with another message key")
	// ErrSealed: an AEAD refused: a wrong key, or altered bytes.
	ErrSealed = errors.New("the seal is broken")
	// ErrSignature: the signature is not the sender's over these bytes.
	ErrSignature = errors.New("wrong signature")
	// ErrPadding: the padding is not zeros, or not of the one length it must have.
	ErrPadding = errors.New("wrong padding")
	// ErrUsed: the message key of this iteration was given out before and is
	// deleted, or lies before the iteration at which the chain was received.
	ErrUsed = errors.New("the message key is not there any more")
	// ErrSpent: the sender key has sealed its last envelope, or is no key at all.
	ErrSpent = errors.New("the sender key is used up")
	// ErrNoBox: the envelope has no box for this prekey from this sender.
	ErrNoBox = errors.New("no box for this prekey")
	// ErrPrekey: not a usable X-Wing public key.
	ErrPrekey = errors.New("unusable prekey")
	// ErrTooLong: what is to be sealed does not fit the largest size.
	ErrTooLong = errors.New("too long")
)
