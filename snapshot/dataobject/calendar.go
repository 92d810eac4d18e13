package dataobject

import "encoding/binary"

// Days and microseconds count from 1970-01-01 in the proleptic Gregorian calendar, without a time zone.
const (
	microsPerSecond = 1e6
	microsPerDay    = 86400 * microsPerSecond
	minDays         = -719528 // 0000-01-01
	maxDays         = 2932896 // 9999-12-31

	// Calculations count from March 1st of the year -400: years end with their leap day, and nothing is negative.
	toMarch = 146097 - 60 - minDays
)

const (
	dateText     = len("2006-01-02")
	datetimeText = len("2006-01-02 15:04:05")
	microsText   = len("2006-01-02 15:04:05.000000")
)

var daysInMonth = [13]uint64{1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}

// parseDate reads data[start:start+10] as YYYY-MM-DD of a day that exists; the caller has checked the length.
func parseDate(data []byte, start int) (days int32, ok bool) {
	w := binary.LittleEndian.Uint64(data[start:])
	end := binary.LittleEndian.Uint16(data[start+8:])
	if byte(w>>32) != '-' || byte(w>>56) != '-' {
		return 0, false
	}
	digits := w&0xffffffff | w>>40&0xffff<<32 | uint64(end)<<48
	if !isDigits(digits) {
		return 0, false
	}
	n := fromDigits(digits)
	year, month, day := n/10000, n/100%100, n%100
	if month-1 > 11 || day-1 >= daysInMonth[month] || month == 2 && day == 29 && !isLeap(year) {
		return 0, false
	}
	return toDays(year, month, day), true
}

func isLeap(year uint64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// toDays counts the days of a civil date.
func toDays(year, month, day uint64) int32 {
	year += 400
	if month <= 2 {
		year--
		month += 12
	}
	dayOfYear := (153*(month-3) + 2) / 5
	return int32(365*year+year/4-year/100+year/400+dayOfYear+day-1) - toMarch
}

// fromDays is the inverse of toDays for days between minDays and maxDays, as the number YYYYMMDD.
func fromDays(days int32) uint64 {
	n := uint64(days + toMarch)
	century := (4*n + 3) / 146097
	n -= century * 146097 / 4
	year := (4*n + 3) / 1461
	n -= year * 1461 / 4
	month := (5*n + 2) / 153
	day := n - (153*month+2)/5 + 1
	year += century*100 - 400
	month += 3
	if month > 12 {
		month -= 12
		year++
	}
	return year*10000 + month*100 + day
}

// putDate writes ten bytes at dst[o:].
func putDate(dst []byte, o int, days int32) int {
	w := toDigits(fromDays(days)) | zeros
	binary.LittleEndian.PutUint64(dst[o:], w&0xffffffff|'-'<<32|w>>32&0xffff<<40|'-'<<56)
	binary.LittleEndian.PutUint16(dst[o+8:], uint16(w>>48))
	return o + dateText
}

// parseDatetime reads data[start:end] as YYYY-MM-DD HH:MM:SS, with six digits of fraction unless they are all zero.
func parseDatetime(data []byte, start, end int) (micros int64, ok bool) {
	if n := end - start; n != datetimeText && n != microsText {
		return 0, false
	}
	days, ok := parseDate(data, start)
	if !ok || data[start+dateText] != ' ' {
		return 0, false
	}
	w := binary.LittleEndian.Uint64(data[start+dateText+1:]) // HH:MM:SS
	if byte(w>>16) != ':' || byte(w>>40) != ':' {
		return 0, false
	}
	digits := zeros&0xffff | w&0xffff<<16 | w>>24&0xffff<<32 | w>>48<<48
	if !isDigits(digits) {
		return 0, false
	}
	n := fromDigits(digits)
	hour, minute, second := n/10000, n/100%100, n%100
	if hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	var fraction uint64
	if end-start == microsText {
		fraction, ok = parseDigits(data, start+datetimeText+1, end)
		if !ok || fraction == 0 || data[start+datetimeText] != '.' {
			return 0, false
		}
	}
	return int64(days)*microsPerDay + int64(hour*3600+minute*60+second)*microsPerSecond + int64(fraction), true
}

// putDatetime writes at dst[o:], which has room for maxIntText bytes.
func putDatetime(dst []byte, o int, micros int64) int {
	days := micros / microsPerDay
	rest := micros - days*microsPerDay
	if rest < 0 {
		days--
		rest += microsPerDay
	}
	o = putDate(dst, o, int32(days))
	seconds := uint64(rest) / microsPerSecond
	fraction := uint64(rest) - seconds*microsPerSecond
	w := toDigits(seconds/3600*10000+seconds/60%60*100+seconds%60) | zeros
	dst[o] = ' '
	binary.LittleEndian.PutUint64(dst[o+1:], w>>16&0xffff|':'<<16|w>>32&0xffff<<24|':'<<40|w>>48<<48)
	o += 9
	if fraction != 0 {
		dst[o] = '.'
		o = putFixed(dst, o+1, fraction, 6)
	}
	return o
}
