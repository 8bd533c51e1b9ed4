package wxpaytest

var securityRoutes = []route{{
	pattern: "POST /v3/security/echo",
	body: `
notify_url	callback
echo_message*	string
encrypted_echo_message	secret`,
	serve: (*Server).echo,
}}

func (s *Server) echo(c *call) (any, error) {
	answer := c.body.pick("echo_message")
	if plain, ok := c.secrets["encrypted_echo_message"]; ok {
		sealed, err := encryptForMerchant(plain)
		if err != nil {
			return nil, err
		}
		answer["encrypted_echo_message"] = sealed
	}
	if address := c.body.text("notify_url"); address != "" {
		s.happen(Event{Type: "SECURITY_ECHO.SUCCESS", Plaintext: answer, URL: address})
	}
	return answer, nil
}
