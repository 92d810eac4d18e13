package value

import "encoding/binary"

const null = 0xfb

// Append adds one value as the text protocol of MySQL writes it: its length, then its bytes; nil is NULL. Rows are
// kept in this form, and so are the members of an ARRAY, a MAP (keys and values in turn) and a STRUCT.
func Append(dst, v []byte) []byte {
	if v == nil {
		return append(dst, null)
	}
	switch n := len(v); {
	case n < 251:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = append(dst, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		dst = append(dst, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	default:
		dst = append(dst, 0xfe)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	return append(dst, v...)
}

// Next splits off the first value; nil is NULL, an empty value is not nil. The value shares the memory of list.
func Next(list []byte) (v, rest []byte) {
	n, at := uint64(list[0]), 1
	switch list[0] {
	case null:
		return nil, list[1:]
	case 0xfc:
		n, at = uint64(binary.LittleEndian.Uint16(list[1:])), 3
	case 0xfd:
		n, at = uint64(list[1])|uint64(list[2])<<8|uint64(list[3])<<16, 4
	case 0xfe:
		n, at = binary.LittleEndian.Uint64(list[1:]), 9
	}
	end := at + int(n)
	return list[at:end:end], list[end:]
}

// Members splits a list into its values.
func Members(list []byte) (members [][]byte) {
	for len(list) > 0 {
		var v []byte
		v, list = Next(list)
		members = append(members, v)
	}
	return members
}

// List puts values together.
func List(members ...[]byte) []byte {
	list := []byte{}
	for _, v := range members {
		list = Append(list, v)
	}
	return list
}
