package main

// A heap gives the first of its elements first. The zero heap is empty.
type heap[T interface{ Before(T) bool }] struct{ list []T }

func (h *heap[T]) len() int { return len(h.list) }

func (h *heap[T]) push(v T) {
	h.list = append(h.list, v)
	for i := len(h.list) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.list[i].Before(h.list[up]) {
			return
		}
		h.list[i], h.list[up] = h.list[up], h.list[i]
		i = up
	}
}

func (h *heap[T]) pop() T {
	var none T
	first, last := h.list[0], len(h.list)-1
	h.list[0], h.list[last] = h.list[last], none
	h.list = h.list[:last]
	for i := 0; ; {
		least := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < last && h.list[down].Before(h.list[least]) {
				least = down
			}
		}
		if least == i {
			return first
		}
		h.list[i], h.list[least] = h.list[least], h.list[i]
		i = least
	}
}
