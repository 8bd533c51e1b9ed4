package wxpaytest

const defaultLimit = 20

// wants reports whether o has what the query asks for under name, if it asks.
func (c *call) wants(name string, o object) bool {
	return c.query.text(name) == "" || c.query.text(name) == o.text(name)
}

// pageByNumber answers a page of a list whose offset counts pages.
func (c *call) pageByNumber(all []object) object {
	limit := c.limit()
	return c.page(all, min(c.query.number("offset"), int64(len(all)))*limit, limit)
}

// pageByRecord answers a page of a list whose offset counts records.
func (c *call) pageByRecord(all []object) object {
	return c.page(all, c.query.number("offset"), c.limit())
}

func (c *call) limit() int64 {
	if limit := c.query.number("limit"); limit > 0 {
		return limit
	}
	return defaultLimit
}

func (c *call) page(all []object, first, limit int64) object {
	n := int64(len(all))
	first = min(first, n)
	data := all[first:min(first+limit, n)]
	if data == nil {
		data = []object{}
	}
	return object{"data": data, "total_count": n, "offset": c.query.number("offset"), "limit": limit}
}
