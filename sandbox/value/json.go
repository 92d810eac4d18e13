package value

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxJSON      = 16 << 20 // bytes (be:types/json_value.cpp kJSONLengthLimit)
	maxJSONDepth = 512
)

// AppendJSON converts text to a JSON value the way loads, casts and parse_json do (be:types/json_value.cpp
// parse_json_or_string) and appends the text that a SELECT prints of it: one line, ": " and ", ", object keys sorted
// by their bytes, the last of equal keys. Text that begins with none of { [ " is not parsed but becomes a JSON string,
// numbers and true, false, null included. It reports false when the text is damaged or too long.
func AppendJSON(dst, text []byte) ([]byte, bool) {
	if len(text) > maxJSON {
		return dst, false
	}
	s := trimSpace(text)
	if len(s) == 0 || s[0] != '{' && s[0] != '[' && s[0] != '"' {
		return appendJSONString(dst, text), true
	}
	p := jsonParser{text: s}
	start := len(dst)
	dst, ok := p.value(dst, 0)
	p.blanks()
	if !ok || p.at != len(p.text) {
		return dst[:start], false
	}
	return dst, true
}

type jsonParser struct {
	text []byte
	at   int
}

func (p *jsonParser) blanks() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// take consumes b behind blanks, if it is next.
func (p *jsonParser) take(b byte) bool {
	p.blanks()
	if p.at < len(p.text) && p.text[p.at] == b {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) word(w string) bool {
	if !bytes.HasPrefix(p.text[p.at:], []byte(w)) {
		return false
	}
	p.at += len(w)
	return true
}

// value appends the next value in its printed form.
func (p *jsonParser) value(dst []byte, depth int) ([]byte, bool) {
	p.blanks()
	if p.at == len(p.text) || depth > maxJSONDepth {
		return dst, false
	}
	switch b := p.text[p.at]; {
	case b == '{':
		return p.object(dst, depth)
	case b == '[':
		return p.array(dst, depth)
	case b == '"':
		s, ok := p.string(nil)
		return appendJSONString(dst, s), ok
	case b == '-' || isDigit(b):
		return p.number(dst)
	}
	for _, w := range [...]string{"true", "false", "null"} {
		if p.word(w) {
			return append(dst, w...), true
		}
	}
	return dst, false
}

func (p *jsonParser) array(dst []byte, depth int) ([]byte, bool) {
	p.at++
	dst = append(dst, '[')
	if p.take(']') {
		return append(dst, ']'), true
	}
	for ok := true; ; dst = append(dst, ", "...) {
		if dst, ok = p.value(dst, depth+1); !ok {
			return dst, false
		}
		if p.take(']') {
			return append(dst, ']'), true
		}
		if !p.take(',') {
			return dst, false
		}
	}
}

type member struct{ key, value []byte }

func (p *jsonParser) object(dst []byte, depth int) ([]byte, bool) {
	p.at++
	var members []member
	if !p.take('}') {
		for {
			p.blanks()
			if p.at == len(p.text) || p.text[p.at] != '"' {
				return dst, false
			}
			key, ok := p.string(nil)
			if !ok || !p.take(':') {
				return dst, false
			}
			value, ok := p.value(nil, depth+1)
			if !ok {
				return dst, false
			}
			members = append(members, member{key, value})
			if p.take('}') {
				break
			}
			if !p.take(',') {
				return dst, false
			}
		}
	}
	return appendObject(dst, members), true
}

// appendObject prints an object: keys sorted by their bytes, the last of equal ones.
func appendObject(dst []byte, members []member) []byte {
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '{')
	first := true
	for i, m := range members {
		if i+1 < len(members) && bytes.Equal(m.key, members[i+1].key) {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(appendJSONString(dst, m.key), ": "...)
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// string reads a string literal and appends its bytes, escapes undone.
func (p *jsonParser) string(dst []byte) ([]byte, bool) {
	p.at++
	for p.at < len(p.text) {
		b := p.text[p.at]
		p.at++
		switch {
		case b == '"':
			return dst, true
		case b < ' ':
			return dst, false
		case b != '\\':
			dst = append(dst, b)
		default:
			var ok bool
			if dst, ok = p.escape(dst); !ok {
				return dst, false
			}
		}
	}
	return dst, false
}

func (p *jsonParser) escape(dst []byte) ([]byte, bool) {
	if p.at == len(p.text) {
		return dst, false
	}
	b := p.text[p.at]
	p.at++
	switch b {
	case '"', '\\', '/':
		return append(dst, b), true
	case 'b':
		return append(dst, '\b'), true
	case 'f':
		return append(dst, '\f'), true
	case 'n':
		return append(dst, '\n'), true
	case 'r':
		return append(dst, '\r'), true
	case 't':
		return append(dst, '\t'), true
	case 'u':
		r, ok := p.hex4()
		if ok && utf16.IsSurrogate(r) && p.word(`\u`) {
			low, paired := p.hex4()
			r, ok = utf16.DecodeRune(r, low), paired
		}
		return utf8.AppendRune(dst, r), ok
	}
	return dst, false
}

func (p *jsonParser) hex4() (rune, bool) {
	if len(p.text)-p.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.text[p.at:p.at+4]), 16, 16)
	p.at += 4
	return rune(n), err == nil
}

// number reads a JSON number. Integers of 64 bits stay exact, everything else becomes a double.
func (p *jsonParser) number(dst []byte) ([]byte, bool) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	digits := p.digits()
	if digits == 0 || digits > 1 && p.text[p.at-digits] == '0' {
		return dst, false
	}
	whole := true
	if p.at < len(p.text) && p.text[p.at] == '.' {
		whole = false
		p.at++
		if p.digits() == 0 {
			return dst, false
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		whole = false
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return dst, false
		}
	}
	text := string(p.text[start:p.at])
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return strconv.AppendInt(dst, n, 10), true
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return strconv.AppendUint(dst, n, 10), true
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return dst, false
	}
	return appendJSONDouble(dst, v), true
}

func (p *jsonParser) digits() int {
	n := 0
	for p.at < len(p.text) && isDigit(p.text[p.at]) {
		p.at++
		n++
	}
	return n
}

// appendJSONDouble prints as velocypack's fpconv does: plain as long as few zeros are needed, else d.ddde+x.
func appendJSONDouble(dst []byte, v float64) []byte {
	if v == 0 {
		if math.Signbit(v) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	}
	var room [32]byte
	text := strconv.AppendFloat(room[:0], v, 'e', -1, 64)
	e := bytes.IndexByte(text, 'e')
	exponent, _ := strconv.Atoi(string(text[e+1:])) // strconv wrote it
	n := e                                          // significant digits
	if text[0] == '-' {
		n--
	}
	if n > 1 {
		n-- // the dot
	}
	k := exponent - n + 1 // v = digits × 10^k
	if k >= 0 && exponent < n+7 || k < 0 && (k > -7 || exponent > -4 && exponent < 4) {
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	dst = append(append(dst, text[:e+1]...), '+')
	if exponent < 0 {
		dst[len(dst)-1] = '-'
		exponent = -exponent
	}
	return strconv.AppendInt(dst, int64(exponent), 10)
}

func appendJSONString(dst, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b >= ' ':
			dst = append(dst, b)
		case b == '\b':
			dst = append(dst, `\b`...)
		case b == '\f':
			dst = append(dst, `\f`...)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	return append(dst, '"')
}
