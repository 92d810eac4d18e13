package demo

import (
	"strconv"
	"time"
)

// writer collects rows in the CSV dialect of Load: fields in double quotes where they need it, \N for NULL.
type writer struct {
	buf   []byte
	begun bool // the row has a field
}

func (w *writer) separate() {
	if w.begun {
		w.buf = append(w.buf, '\t')
	}
	w.begun = true
}

func (w *writer) end() {
	w.buf = append(w.buf, '\n')
	w.begun = false
}

// plain writes text that needs no quotes.
func (w *writer) plain(s string) {
	w.separate()
	w.buf = append(w.buf, s...)
}

func (w *writer) integers(values ...int) {
	for _, n := range values {
		w.separate()
		w.buf = strconv.AppendInt(w.buf, int64(n), 10)
	}
}

// text writes any text but \N in quotes.
func (w *writer) text(s string) {
	w.separate()
	w.buf = append(w.buf, '"')
	for i := range len(s) {
		if s[i] == '"' {
			w.buf = append(w.buf, '"')
		}
		w.buf = append(w.buf, s[i])
	}
	w.buf = append(w.buf, '"')
}

func (w *writer) null() { w.plain(`\N`) }

// numbered writes prefix#000000042.
func (w *writer) numbered(prefix string, n int) {
	w.separate()
	w.buf = append(w.buf, prefix...)
	w.buf = append(w.buf, '#')
	w.padded(n, 9)
}

func (w *writer) padded(n, width int) {
	for limit := 10; width > 1; width-- {
		if n < limit {
			for range width - 1 {
				w.buf = append(w.buf, '0')
			}
			break
		}
		limit *= 10
	}
	w.buf = strconv.AppendInt(w.buf, int64(n), 10)
}

var (
	regions = []string{"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"}
	nations = [][]string{
		{"ALGERIA", "ETHIOPIA", "KENYA", "MOROCCO", "MOZAMBIQUE"},
		{"ARGENTINA", "BRAZIL", "CANADA", "PERU", "UNITED STATES"},
		{"CHINA", "INDIA", "INDONESIA", "JAPAN", "VIETNAM"},
		{"FRANCE", "GERMANY", "ROMANIA", "RUSSIA", "UNITED KINGDOM"},
		{"EGYPT", "IRAN", "IRAQ", "JORDAN", "SAUDI ARABIA"},
	}
	segments   = []string{"AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"}
	priorities = []string{"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECI", "5-LOW"}
	shipModes  = []string{"AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"}
	colors     = []string{"almond", "azure", "beige", "coral", "cyan", "ivory", "khaki", "lime", "navy", "olive", "plum", "rose", "tan", "violet"}
	finishes   = []string{"ANODIZED", "BRUSHED", "BURNISHED", "PLATED", "POLISHED"}
	metals     = []string{"BRASS", "COPPER", "NICKEL", "STEEL", "TIN"}
	boxes      = []string{"JUMBO BOX", "LG CASE", "MED BAG", "SM PACK", "WRAP CAN"}
	seasons    = []string{"Winter", "Spring", "Summer", "Fall"}
)

func datekey(day time.Time) int { return day.Year()*10000 + int(day.Month())*100 + day.Day() }

func yes(b bool) int {
	if b {
		return 1
	}
	return 0
}

func writeDate(w *writer, _ *random, _ Sizes, i int) {
	d := firstDay.AddDate(0, 0, i)
	_, week := d.ISOWeek()
	w.integers(datekey(d))
	w.plain(d.Format("January 2, 2006"))
	w.plain(d.Weekday().String())
	w.plain(d.Month().String())
	w.integers(d.Year(), d.Year()*100+int(d.Month()))
	w.plain(d.Format("Jan2006"))
	w.integers(int(d.Weekday())+1, d.Day(), d.YearDay(), int(d.Month()), week)
	w.plain(seasons[int(d.Month())%12/3])
	weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
	w.integers(yes(d.Weekday() == time.Saturday), yes(d.AddDate(0, 0, 1).Day() == 1), yes(d.YearDay() == 1), yes(!weekend))
	w.end()
}

// place writes address, city, nation, region and phone.
func (w *writer) place(r *random) {
	const letters = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,0123456789"
	w.separate()
	for range r.between(10, 25) {
		w.buf = append(w.buf, letters[r.upTo(len(letters))])
	}
	region := r.upTo(len(regions))
	nation := r.pick(nations[region])
	w.plain((nation + "         ")[:9])
	w.buf = append(w.buf, byte('0'+r.upTo(10)))
	w.plain(nation)
	w.plain(regions[region])
	w.integers(r.between(10, 34))
	for _, digits := range [...]int{3, 3, 4} {
		w.buf = append(w.buf, '-')
		w.padded(r.upTo(1000), digits)
	}
}

func writeCustomer(w *writer, r *random, _ Sizes, i int) {
	w.integers(i + 1)
	w.numbered("Customer", i+1)
	w.place(r)
	w.plain(r.pick(segments))
	w.end()
}

func writeSupplier(w *writer, r *random, _ Sizes, i int) {
	w.integers(i + 1)
	w.numbered("Supplier", i+1)
	w.place(r)
	w.end()
}

func writePart(w *writer, r *random, _ Sizes, i int) {
	w.integers(i + 1)
	color := r.pick(colors)
	w.plain(color + " " + r.pick(colors))
	maker, category, brand := r.between(1, 5), r.between(1, 5), r.between(1, 40)
	made := "MFGR#" + strconv.Itoa(maker)
	w.plain(made)
	w.plain(made + strconv.Itoa(category))
	w.plain(made + strconv.Itoa(category) + strconv.Itoa(brand))
	w.plain(color)
	w.plain(r.pick(finishes) + " " + r.pick(metals))
	w.integers(r.between(1, 50))
	w.plain(r.pick(boxes))
	w.end()
}

// writeLineorder writes one line of an order; an order has four.
func writeLineorder(w *writer, r *random, s Sizes, i int) {
	const lines = 4
	order := random(s.Seed*1_000_003 + uint64(i/lines)) // what the lines of one order share
	day := order.upTo(days - 90)
	customer, priority := order.between(1, s.Customers), order.pick(priorities)
	total := order.between(40_000, 40_000_000)

	quantity, price, discount := r.between(1, 50), r.between(90_000, 200_000), r.upTo(11)
	extended := quantity * price / 10
	w.integers(i/lines+1, i%lines+1, customer, r.between(1, s.Parts), r.between(1, s.Suppliers), datekeys[day])
	w.plain(priority)
	w.integers(0, quantity, extended, total, discount, extended*(100-discount)/100, price*6/10, r.upTo(9), datekeys[day+r.between(30, 90)])
	w.plain(r.pick(shipModes))
	w.end()
}

// datekeys are the keys of all days: formatting dates once is most of the cost of a line order otherwise.
var datekeys = func() []int {
	keys := make([]int, days+1)
	for i := range keys {
		keys[i] = datekey(firstDay.AddDate(0, 0, i))
	}
	return keys
}()

// Names and notes hold what a careless tool loses: other scripts, quotes, tabs, line ends, backslashes, empty text.
var (
	names = []string{"Amélie", "Björn", "Chidi", "Дмитрий", "Elif", "Fatima", "Γιώργος", "Hồng", "Íñigo", "佳子", "김민준", "Leïla", "محمد", "Nuñez", "O'Brien", "Priya", "李娜", "ดวงใจ", "דוד", "Zoë"}
	notes = []string{"", "paid", "back\\slash", "\"quoted\"", "two\nlines", "tab\there", "🙂 thanks", "naïve – façade", "NULL", "comma, semicolon; pipe|"}
	kinds = []string{`{"channel": "card", "tries": 1}`, `{"channel": "transfer", "tags": ["a", "b"]}`, `[1, 2.5, null, true]`, `{"nested": {"k": "v"}, "n": -7}`}
)

func writeMember(w *writer, r *random, _ Sizes, i int) {
	joined := time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.upTo(365))
	w.integers(i + 1)
	w.text(r.pick(names) + " " + strconv.Itoa(r.upTo(1000)))
	if r.upTo(20) == 0 {
		w.null()
	} else {
		w.integers(100_000 + r.upTo(900)*100)
	}
	w.plain(joined.Format(time.DateOnly))
	if r.upTo(10) == 0 {
		w.null()
	} else {
		w.integers(r.upTo(2))
	}
	w.end()
}

func writePayment(w *writer, r *random, s Sizes, i int) {
	w.integers(i+1, r.between(1, s.Members))
	w.integers(r.between(-100_000, 9_999_999))
	w.buf = append(w.buf, '.')
	w.padded(r.upTo(100), 2)
	if r.upTo(8) == 0 {
		w.null()
	} else {
		w.separate()
		w.buf = strconv.AppendFloat(w.buf, float64(r.upTo(1_000_000))/7, 'g', -1, 64)
	}
	paid := time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.upTo(365*86400))*time.Second + time.Duration(r.upTo(3)*250_001)*time.Microsecond)
	w.plain(paid.Format("2006-01-02 15:04:05.000000"))
	if r.upTo(6) == 0 {
		w.null()
	} else {
		w.text(r.pick(notes))
	}
	if r.upTo(5) == 0 {
		w.null()
	} else {
		w.text(r.pick(kinds))
	}
	w.end()
}
