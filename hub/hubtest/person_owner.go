package hubtest

import "hubbub/channels/wire"

// The calls of a hub's owner, and close, in the order of wire's list.

func (p Person) Report() (result wire.ReportResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpReport, wire.Channel{}, nil, &result)
	return result, err
}

func (p Person) Channels(after wire.Channel) (result wire.ChannelsResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpChannels, wire.Channel{}, wire.ChannelsArgs{After: after}, &result)
	return result, err
}

func (p Person) Guests(after string) (result wire.GuestsResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpGuests, wire.Channel{}, wire.GuestsArgs{After: after}, &result)
	return result, err
}

func (p Person) Guest(args wire.GuestArgs) error {
	p.t.Helper()
	return p.call(wire.OpGuest, wire.Channel{}, args, nil)
}

func (p Person) DropGuest(name string) error {
	p.t.Helper()
	return p.call(wire.OpDropGuest, wire.Channel{}, wire.DropGuestArgs{Name: name}, nil)
}

func (p Person) Quota(args wire.QuotaArgs) error {
	p.t.Helper()
	return p.call(wire.OpQuota, wire.Channel{}, args, nil)
}

func (p Person) Ban(args wire.BanArgs) error {
	p.t.Helper()
	return p.call(wire.OpBan, wire.Channel{}, args, nil)
}

func (p Person) Export(after []byte) (result wire.ExportResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpExport, wire.Channel{}, wire.ExportArgs{After: after}, &result)
	return result, err
}

func (p Person) Import(args wire.ImportArgs) error {
	p.t.Helper()
	return p.call(wire.OpImport, wire.Channel{}, args, nil)
}

func (p Person) Retire(at int64) error {
	p.t.Helper()
	return p.call(wire.OpRetire, wire.Channel{}, wire.RetireArgs{At: at}, nil)
}

func (p Person) Close(channel wire.Channel) error {
	p.t.Helper()
	return p.call(wire.OpClose, channel, nil, nil)
}
