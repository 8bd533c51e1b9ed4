package wxpaytest

// CountFiles makes the server believe that n files were uploaded today.
func (s *Server) CountFiles(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bank.files = map[string]int{s.today(): n}
	s.bank.tasks, s.bank.users = map[string][]*task{}, map[string]map[uint64]struct{}{}
}

// Routes are the calls that the server knows.
func Routes() []string {
	all, _ := endpoints()
	var patterns []string
	for _, e := range all {
		patterns = append(patterns, e.pattern)
	}
	return patterns
}
