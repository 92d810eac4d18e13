package value

// moment is a parsed DATE or DATETIME.
type moment struct {
	year, month, day, hour, minute, second, micro int
}

var daysInMonth = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func (m moment) validDate() bool {
	if m.month < 1 || m.month > 12 || m.day < 1 || m.year > 9999 {
		return false
	}
	days := daysInMonth[m.month]
	if m.month == 2 && m.year%4 == 0 && (m.year%100 != 0 || m.year%400 == 0) {
		days = 29
	}
	return m.day <= days
}

func (m moment) validTime() bool {
	return m.hour <= 23 && m.minute <= 59 && m.second <= 59 && m.micro < 1_000_000
}

// parseMoment accepts what be:types/time_types.cpp from_string_to_datetime does: the usual form first, and the loose
// MySQL forms (one-digit parts, two-digit years, other punctuation, digits without separators) else. Text behind a date
// that does not begin with a blank or T is ignored, as there.
func parseMoment(field []byte) (moment, bool) {
	s := trimSpace(field)
	if len(s) < 10 || isDigit(s[4]) || isDigit(s[7]) || !digitsOnly(s[:4]) || !digitsOnly(s[5:7]) || !digitsOnly(s[8:10]) {
		return parseLoose(s)
	}
	m := moment{year: number(s[:4]), month: number(s[5:7]), day: number(s[8:10])}
	if !m.validDate() {
		return parseLoose(s)
	}
	if len(s) == 10 || s[10] != 'T' && !isSpace(s[10]) {
		return m, true
	}
	t := s[11:]
	if s[10] != 'T' {
		t = trimSpace(t)
	}
	switch {
	case len(t) == 0:
		return m, true
	case len(t) < 8 || t[2] != ':' || t[5] != ':' || !digitsOnly(t[:2]) || !digitsOnly(t[3:5]) || !digitsOnly(t[6:8]):
		return parseLoose(s)
	}
	m.hour, m.minute, m.second = number(t[:2]), number(t[3:5]), number(t[6:8])
	if !m.validTime() {
		return parseLoose(s)
	}
	rest := t[8:]
	if len(rest) > 0 && rest[0] == '.' {
		rest = rest[1:]
		n := 0
		for n < len(rest) && n < 6 && isDigit(rest[n]) {
			n++
		}
		m.micro = fraction(rest[:n])
		rest = rest[n:]
	}
	if len(rest) > 0 && rest[0] != 'Z' {
		return parseLoose(s)
	}
	return m, true
}

func number(digits []byte) int {
	n := 0
	for _, b := range digits {
		n = n*10 + int(b-'0')
	}
	return n
}

// fraction reads at most six digits as microseconds.
func fraction(digits []byte) int {
	n := number(digits)
	for range 6 - len(digits) {
		n *= 10
	}
	return n
}

// parseLoose is the generic parser: up to seven groups of digits (be:types/time_types.cpp from_string).
func parseLoose(s []byte) (moment, bool) {
	if len(s) == 0 || !isDigit(s[0]) {
		return moment{}, false
	}
	run := 0
	for run < len(s) && (isDigit(s[run]) || s[run] == 'T') {
		run++
	}
	packed := run == len(s) || s[run] == '.' // YYYYMMDD[HHMMSS], YYMMDD[HHMMSS]
	width := 4
	if packed && run != 4 && run != 8 && run < 14 {
		width = 2
	}
	var parts, lengths [7]int
	field, i := 0, 0
	for i < len(s) && isDigit(s[i]) && field < 7 {
		start := i
		for i < len(s) && isDigit(s[i]) && (!packed && field != 6 || i-start < width) {
			i++
		}
		if i-start > 6 {
			return moment{}, false
		}
		parts[field], lengths[field] = number(s[start:i]), i-start
		width = 2
		if i == len(s) {
			field++
			break
		}
		if field == 2 && s[i] == 'T' {
			i++
			field++
			continue
		}
		if field == 5 {
			if s[i] == '.' {
				i++
				width = 6
			} else if isDigit(s[i]) {
				field++
				break
			}
			field++
			continue
		}
		for i < len(s) && (isPunct(s[i]) || isSpace(s[i])) {
			if isSpace(s[i]) && field != 2 && field != 6 {
				return moment{}, false
			}
			i++
		}
		field++
	}
	if field < 3 {
		return moment{}, false
	}
	m := moment{parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6]}
	for range 6 - lengths[6] {
		m.micro *= 10
	}
	if lengths[0] == 2 {
		m.year += 1900
		if m.year < 1970 {
			m.year += 100
		}
	}
	return m, m.validDate() && (field <= 3 || m.validTime())
}

func isPunct(b byte) bool {
	return b > ' ' && b < 0x7f && !isDigit(b) && (b|0x20 < 'a' || b|0x20 > 'z')
}

func (m moment) appendDate(dst []byte) []byte {
	dst = appendPadded(dst, m.year, 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, m.month, 2)
	dst = append(dst, '-')
	return appendPadded(dst, m.day, 2)
}

// appendDatetime prints the fraction only when it is not zero, then with six digits.
func (m moment) appendDatetime(dst []byte) []byte {
	dst = append(m.appendDate(dst), ' ')
	dst = append(appendPadded(dst, m.hour, 2), ':')
	dst = append(appendPadded(dst, m.minute, 2), ':')
	dst = appendPadded(dst, m.second, 2)
	if m.micro == 0 {
		return dst
	}
	return appendPadded(append(dst, '.'), m.micro, 6)
}

func appendPadded(dst []byte, n, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := start + width - 1; i >= start; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
