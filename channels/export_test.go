package channels

import "context"

// Blobs are the values of a query's first column, for tests.
func (c *Core) Blobs(query string, args ...any) (blobs [][]byte) {
	return list(c.book, readBytes, query, args...)
}

// Number is the one integer of a query, for tests.
func (c *Core) Number(query string, args ...any) int64 { return c.book.number(query, args...) }

// Heeded is how much that was asked for is remembered, for tests.
func (c *Core) Heeded() int { return len(c.memory.asked) }

// Tamper changes the phonebook behind the core's back.
func (c *Core) Tamper(query string, args ...any) {
	if _, err := c.book.conn.ExecContext(context.Background(), query, args...); err != nil {
		panic(err)
	}
	c.channels = nil
}

// Parts that are tested by themselves.
var (
	CleanText    = cleanText
	CleanNick    = cleanNick
	CheckNick    = checkNick
	DisplayNicks = displayNicks
	CheckName    = checkChannelName
)
