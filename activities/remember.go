package activities

import "sync"

// pageMemory remembers the last pages of plans. The zero value is ready; safe for concurrent use.
type pageMemory struct {
	mu   sync.Mutex
	keys [8]string
	page [8]page
	next int
}

func (m *pageMemory) get(key string) (page, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, k := range m.keys {
		if k == key {
			return m.page[i], true
		}
	}
	return page{}, false
}

func (m *pageMemory) put(key string, p page) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[m.next], m.page[m.next] = key, p
	m.next = (m.next + 1) % len(m.keys)
}
