package hub

// CustomersHave has all networks of a customer have so much together, until restore is
// called.
func CustomersHave(most int64) (restore func()) {
	was := customerBudget.Most
	customerBudget.Most = most
	return func() { customerBudget.Most = was }
}
