package streamload

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// options are the headers of a load that the sandbox acts upon. Other headers are ignored silently, as the real server
// does; those that would change what is loaded and are not built are refused instead.
type options struct {
	label          string
	columns        string
	partitions     []string
	temporary      bool
	maxFilterRatio float64
	strict         bool
	compression    string // gzip, zstd, lz4 or empty
	dialect        csvFormat
}

// refused are headers that change the result of a load in ways that the sandbox does not imitate.
var refused = []string{"where", "negative", "partial_update", "merge_condition", "jsonpaths", "enable_merge_commit"}

// parseOptions reads the headers in the order, and with the texts, of be:http/action/stream_load.cpp.
func parseOptions(h http.Header) (options, error) {
	o := options{label: h.Get("label"), columns: h.Get("columns")}
	for _, name := range refused {
		if v := h.Get(name); v != "" && !strings.EqualFold(v, "false") {
			return o, fmt.Errorf("the sandbox does not support the header %s", name)
		}
	}
	if err := o.parseFormat(h); err != nil {
		return o, err
	}
	if v := h.Get("timeout"); v != "" {
		if _, err := strconv.ParseUint(v, 10, 31); err != nil {
			return o, native("Invalid timeout format")
		}
	}
	if err := o.parseDialect(h); err != nil {
		return o, err
	}
	if err := o.parsePartitions(h); err != nil {
		return o, err
	}
	switch v := h.Get("strict_mode"); {
	case v == "" || strings.EqualFold(v, "false"):
	case strings.EqualFold(v, "true"):
		o.strict = true
	default:
		return o, native("Invalid strict mode format. Must be bool type")
	}
	// strtod: what is no number is 0.
	o.maxFilterRatio, _ = strconv.ParseFloat(strings.TrimSpace(h.Get("max_filter_ratio")), 64)
	return o, nil
}

func (o *options) parseFormat(h http.Header) error {
	switch f := strings.ToLower(h.Get("format")); f {
	case "", "csv":
	case "gzip", "zstd", "lz4":
		o.compression = f
	case "json", "bzip2", "deflate":
		return fmt.Errorf("the sandbox does not support the format %s", f)
	default:
		return native("unknown data format, format=%s", h.Get("format"))
	}
	encoding, compression := h.Get("Content-Encoding"), h.Get("compression")
	if encoding != "" && compression != "" {
		return native("Only one of http header content-encoding and compression can be set")
	}
	switch c := strings.ToLower(encoding + compression); c {
	case "":
	case "gzip", "zstd":
		o.compression = c
	case "lz4_frame":
		o.compression = "lz4"
	default:
		return native("unsupported compression type: %s", c)
	}
	return nil
}

func (o *options) parseDialect(h http.Header) error {
	d := &o.dialect
	var err error
	if d.separator, err = delimiter(h, "column_separator", "\t"); err != nil {
		return err
	}
	if d.delimiter, err = delimiter(h, "row_delimiter", "\n"); err != nil {
		return err
	}
	if v := h.Get("skip_header"); v != "" {
		if d.skipHeader, err = strconv.ParseInt(v, 10, 64); err != nil {
			return native("Invalid csv load skip_header format")
		}
		if d.skipHeader < 0 {
			return native("skip_header must be equal or greater than 0")
		}
	}
	switch v := h.Get("trim_space"); {
	case v == "" || strings.EqualFold(v, "false"):
	case strings.EqualFold(v, "true"):
		d.trimSpace = true
	default:
		return native("Invalid trim space format. Must be bool type")
	}
	if v := h.Get("enclose"); v != "" {
		d.enclose = v[0]
	}
	if v := h.Get("escape"); v != "" {
		d.escape = v[0]
	}
	return nil
}

// delimiter reads a separator header: \x or 0x and hex digits, else the text with \t and \n replaced
// (fe:sql/ast/expression/Delimiter.java).
func delimiter(h http.Header, name, absent string) ([]byte, error) {
	v := h.Get(name)
	if v == "" {
		return []byte(absent), nil
	}
	if prefix := strings.ToLower(v[:min(2, len(v))]); prefix != `\x` && prefix != "0x" {
		return []byte(strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(v)), nil
	}
	switch digits := v[2:]; {
	case digits == "":
		return nil, native("Invalid delimiter '%s: empty hex string", v)
	case len(digits)%2 != 0:
		return nil, native("Invalid delimiter '%s: hex length must be a even number", v)
	default:
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, native("Invalid delimiter '%s': invalid hex format", v)
		}
		return b, nil
	}
}

func (o *options) parsePartitions(h http.Header) error {
	list, temporary := h.Get("partitions"), h.Get("temporary_partitions")
	if list != "" && temporary != "" {
		return native("Can not specify both partitions and temporary partitions")
	}
	o.temporary = temporary != ""
	for name := range strings.SplitSeq(list+temporary, ",") {
		if name = strings.Trim(strings.TrimSpace(name), "`"); name != "" {
			o.partitions = append(o.partitions, name)
		}
	}
	return nil
}
