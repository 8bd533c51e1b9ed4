package notify

// Signers is how many signatures are tried for a serial.
func (m *Mux) Signers(serial string) int { return len(m.lookup(serial)) }
