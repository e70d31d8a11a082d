package hub

// Logger is told what goes wrong, with names and values by turns, as
// *slog.Logger is. hub.cgi has a simpler one: log/slog would make it 3 % larger.
type Logger interface {
	Warn(message string, namesAndValues ...any)
	Error(message string, namesAndValues ...any)
}

// silence is the Logger of whom nobody wants to hear.
type silence struct{}

func (silence) Warn(string, ...any)  {}
func (silence) Error(string, ...any) {}
