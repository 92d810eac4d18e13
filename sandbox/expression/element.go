package expression

import (
	"strings"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

type member struct {
	arg node
	at  int
}

func (m member) eval(row [][]byte) []byte {
	v := m.arg.eval(row)
	if v == nil {
		return nil
	}
	var field []byte
	for range m.at + 1 {
		field, v = value.Next(v)
	}
	return field
}

func subfield(t Type, n node, name string) (Type, node, error) {
	if t.Name == "STRUCT" {
		for i, f := range t.Fields {
			if strings.EqualFold(f, name) {
				return t.Elements[i], member{n, i}, nil
			}
		}
	}
	if t.Name == "JSON" {
		return t, &path{n, []byte("." + name)}, nil
	}
	return Type{}, nil, value.Native("Struct subfield '%s' cannot be resolved", name)
}

func compileElement(e *dialect.Expr, s scope) (Type, node, error) {
	types, nodes, err := compileAll(e.Args, s)
	if err != nil {
		return Type{}, nil, err
	}
	switch t := types[0]; t.Name {
	case "ARRAY":
		return t.Elements[0], &element{nodes[0], nodes[1]}, nil
	case "MAP":
		key, err := convert(nodes[1], types[1], t.Elements[0])
		return t.Elements[1], &entry{nodes[0], key}, err
	case "STRUCT":
		if e.Args[1].Kind == dialect.TextExpr {
			return subfield(t, nodes[0], e.Args[1].Text)
		}
	}
	return Type{}, nil, value.Native("Only support array and map and struct subscript")
}

type element struct{ array, index node }

// eval counts from 1, and from the end below 0; beyond is NULL (be:exprs/array_element_expr.cpp).
func (e *element) eval(row [][]byte) []byte {
	at, ok := integer(e.index.eval(row))
	if !ok {
		return nil
	}
	array := e.array.eval(row)
	if array == nil || at == 0 {
		return nil
	}
	if at < 0 {
		members := value.Members(array)
		if at += len(members); at < 0 {
			return nil
		}
		return members[at]
	}
	for len(array) > 0 {
		var m []byte
		m, array = value.Next(array)
		if at--; at == 0 {
			return m
		}
	}
	return nil
}

type entry struct{ entries, key node }

func (e *entry) eval(row [][]byte) []byte {
	entries := e.entries.eval(row)
	if entries == nil {
		return nil
	}
	key := e.key.eval(row)
	members := value.Members(entries)
	for i := 0; i < len(members); i += 2 {
		if (key == nil) == (members[i] == nil) && string(key) == string(members[i]) {
			return members[i+1]
		}
	}
	return nil
}
