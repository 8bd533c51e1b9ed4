package wxpaytest

// CountFiles makes the server believe that n files were uploaded today.
func (s *Server) CountFiles(n int) { s.products.Bank.CountFiles(n) }
