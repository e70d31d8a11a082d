package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"hubbub/channels/wire"
)

// Budget is how much may be done: Most at once, and as much again in each Every.
type Budget struct {
	Most  int64
	Every time.Duration
}

// BudgetKey says whose a budget is, and of what.
type BudgetKey [16]byte

// KeyOfBudget is the key for somebody's budget of what kind says.
func KeyOfBudget(kind string, whose []byte) BudgetKey {
	h := sha256.New()
	fmt.Fprintf(h, "hubbub budget %d %s", len(kind), kind)
	h.Write(whose)
	return BudgetKey(h.Sum(nil))
}

// Spend implements Tx.
func (t *tx) Spend(key BudgetKey, cost int64, budget Budget) (wait time.Duration, err error) {
	now := t.now.UnixMicro()
	if whole, refused := t.spent[key]; refused {
		return time.Duration(whole-now) * time.Microsecond, nil
	}
	back, err := t.whole(key, budget)
	if err != nil {
		return 0, err
	}
	back += budget.time(max(1, cost))
	if late := back - budget.Every.Microseconds(); late > now {
		if t.spent == nil {
			t.spent = make(map[BudgetKey]int64)
		}
		t.spent[key] = late
		return time.Duration(late-now) * time.Microsecond, nil
	}
	if t.reads || cost == 0 {
		return 0, nil
	}
	return 0, t.setWhole(key, back)
}

// Charge implements Tx.
func (t *tx) Charge(key BudgetKey, cost int64, budget Budget) error {
	back, err := t.whole(key, budget)
	if err != nil {
		return err
	}
	return t.setWhole(key, min(back+budget.time(cost), t.now.UnixMicro()+budget.Every.Microseconds()))
}

// time is how long it takes until so much is back, in microseconds.
func (b Budget) time(cost int64) int64 {
	return max(1, int64(float64(min(cost, b.Most))/float64(b.Most)*float64(b.Every.Microseconds())))
}

// whole is when all of a budget is back: a number in microseconds is all there is
// to a budget (GCRA, ITU-T I.371). One that is farther off than it can be is of a
// clock that was ahead.
func (t *tx) whole(key BudgetKey, budget Budget) (back int64, err error) {
	now := t.now.UnixMicro()
	_, err = t.row(`SELECT tat FROM budgets WHERE key = ?`, []any{key[:]}, &back)
	if back < now || back > now+budget.Every.Microseconds() {
		back = now
	}
	return back, err
}

func (t *tx) setWhole(key BudgetKey, back int64) error {
	return t.exec(`INSERT INTO budgets (key, tat) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET tat = ?2`, key[:], back)
}

// forgetBudgets forgets those that are whole, and those of a clock that was ahead.
// It looks at a few, each second at others.
func (t *tx) forgetBudgets(second int64) error {
	from := KeyOfBudget("turn", binary.BigEndian.AppendUint64(nil, uint64(second)))
	now := t.now.UnixMicro()
	return t.exec(`DELETE FROM budgets WHERE key IN (
		SELECT key FROM (SELECT key, tat FROM budgets WHERE key >= ? ORDER BY key LIMIT ?) WHERE tat < ? OR tat > ?)`,
		from[:], bite, now, now+2*daily.Microseconds())
}

// daily is the time of the budgets of what is put.
const daily = 24 * time.Hour

// callCost is what a call costs its token beside its bytes.
const callCost = 1024

// leastDaily is the least that a token may put in a day, whatever the limits are.
const leastDaily = 16 << 20

// What an account may have for each that a token may: it pays for all members of
// its channels. And how many channels it may open in a day: they stay for ever.
const (
	accountTimes = 8
	dailyOpens   = 1024
)

// daily is what a token may put into its channel in a day. It is half of the
// texts that a channel keeps: so nobody drives out all of them at once.
func (l Limits) daily() int64 {
	if l.Daily > 0 {
		return l.Daily
	}
	return max(leastDaily, l.Text/2)
}

// spend takes what a call writes from the budgets of its token and of the account
// that pays for the channel. Refusals: CodeBusy.
func (t *tx) spend(token wire.Token, account []byte, size int) error {
	cost := int64(size) + callCost
	most := t.limits.daily()
	wait, err := t.Spend(KeyOfBudget("token", token[:]), cost, Budget{most, daily})
	if err == nil && wait > 0 {
		return tooMuch("this token has written as much as it may for now", wait)
	}
	if err == nil && account != nil {
		if wait, err = t.Spend(KeyOfBudget("account", account), cost, Budget{accountTimes * most, daily}); err == nil && wait > 0 {
			return tooMuch("the channel's account has taken as much as it may for now", wait)
		}
	}
	return err
}

// tooMuch refuses what goes beyond a budget.
func tooMuch(text string, wait time.Duration) *wire.Error {
	return refuse(wire.CodeBusy, fmt.Sprintf("%s: come back in %s", text, max(time.Second, wait.Round(time.Second))))
}

// Count implements Tx.
func (t *tx) Count(name string, n int64) error {
	if err := t.exec(`INSERT INTO counts (name, n) VALUES ('since', ?) ON CONFLICT DO NOTHING`, t.now.Unix()); err != nil {
		return err
	}
	return t.exec(`INSERT INTO counts (name, n) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET n = n + ?2`, name, n)
}
