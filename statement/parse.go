package statement

import (
	"fmt"
	"slices"
	"strings"
)

// parser reads one statement by recursive descent. The first error sticks: from then on nothing matches, so that the
// rules need not look at it.
type parser struct {
	tokens []token // of one statement, with the terminator or end of text
	at     int
	tried  []string // what the rules asked for at the current token
	mute   bool     // inside of PROPERTIES: what stands there may be a secret and is not repeated in errors
	depth  int      // of nested conditions
	err    *Error
}

// parse reads the statement in tokens, which are a part of text.
func parse(text string, tokens []token) (Statement, error) {
	p := &parser{tokens: tokens}
	for _, t := range tokens {
		if t.kind == invalid {
			return nil, invalidToken(t)
		}
	}
	s := p.statement()
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

func invalidToken(t token) *Error {
	e := &Error{Position: t.pos, Kind: Syntax, Message: t.value}
	switch {
	case t.raw == "#":
		e.Hint = "comments begin with -- or stand in /* */"
	case strings.HasPrefix(t.value, unexpectedCharacter):
		e.Hint = "a name with such a character needs back quotes, a text needs quotes"
	default:
		e.Hint = "it begins here and takes in the rest of the text"
	}
	return e
}

func (p *parser) peek() token { return p.tokens[p.at] }

// look is the token n behind the current one.
func (p *parser) look(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) advance() token {
	t := p.peek()
	p.at = min(p.at+1, len(p.tokens)-1)
	p.tried = nil
	return t
}

// accept takes the keyword if it stands here.
func (p *parser) accept(keyword string) bool {
	if p.err != nil || !p.peek().is(keyword) {
		p.tried = append(p.tried, keyword)
		return false
	}
	p.advance()
	return true
}

// acceptAny takes one of several keywords.
func (p *parser) acceptAny(keywords ...string) bool { return slices.ContainsFunc(keywords, p.accept) }

// acceptSymbol takes the punctuation if it stands here.
func (p *parser) acceptSymbol(s string) bool {
	if p.err != nil || !p.peek().isSymbol(s) {
		p.tried = append(p.tried, "'"+s+"'")
		return false
	}
	p.advance()
	return true
}

// expect fails unless the keywords follow one another here.
func (p *parser) expect(keywords ...string) {
	for _, k := range keywords {
		if !p.accept(k) {
			p.unexpected("")
		}
	}
}

func (p *parser) expectAny(keywords ...string) {
	if !p.acceptAny(keywords...) {
		p.unexpected("")
	}
}

func (p *parser) expectSymbol(s string) {
	if !p.acceptSymbol(s) {
		p.unexpected("")
	}
}

// isName tells whether a token can be an identifier where it stands.
func isName(t token) bool {
	return t.kind == quotedName || t.kind == word && !reserved[strings.ToUpper(t.raw)]
}

// identifier reads a name; what says whose, for the error.
func (p *parser) identifier(what string) string {
	if p.err == nil && isName(p.peek()) {
		return p.advance().value
	}
	p.tried = append(p.tried, what)
	t := p.peek()
	switch {
	case t.kind == word || t.kind == number:
		p.unexpected(fmt.Sprintf("a name that is a keyword or a number needs back quotes: `%s`", t.raw))
	case t.kind == literal:
		p.unexpected("names stand in back quotes, not in ' or \"")
	case t.isSymbol("<"):
		p.unexpected("replace the placeholder <…> by a name")
	default:
		p.unexpected("")
	}
	return ""
}

// text reads a string literal.
func (p *parser) text(what string) string {
	if p.err == nil && p.peek().kind == literal {
		return p.advance().value
	}
	p.tried = append(p.tried, what)
	p.unexpected("")
	return ""
}

// qualified reads one or more names with dots between them.
func (p *parser) qualified(what string) []string {
	parts := []string{p.identifier(what)}
	for p.acceptSymbol(".") {
		parts = append(parts, p.identifier(what))
	}
	return parts
}

// unexpected fails at the current token with what was tried there.
func (p *parser) unexpected(hint string) {
	if p.err != nil {
		return
	}
	t := p.peek()
	shown := "'" + t.raw + "'"
	switch {
	case t.kind == endOfText:
		shown = "'<EOF>'"
	case t.kind == literal || t.kind == attachment:
		shown = "string literal" // its text may be a secret
	case p.mute && t.kind != terminator && t.kind != symbol:
		shown = "word"
	}
	e := &Error{Position: t.pos, Kind: Syntax, Message: "Unexpected input " + shown, Expected: p.tried, Hint: hint}
	if e.Hint == "" && t.kind == word && !p.mute {
		if k := nearest(t.raw, e.Expected); k != "" {
			e.Hint = "did you mean " + k + "?"
		}
	}
	if e.Hint == "" && p.at > 0 && p.brokenName() {
		e.Hint = "a name with such a character needs back quotes"
	}
	p.err = e
}

// brokenName tells whether the current token touches a name before it, as in my-label.
func (p *parser) brokenName() bool {
	before, t := p.tokens[p.at-1], p.peek()
	return before.kind == word && before.end == t.start && (t.kind == symbol && strings.Contains("-@/+*:%&~!^|", t.raw) || t.kind == number)
}

// fail ends the statement with a message of the native parser, which wraps it as a syntax error.
func (p *parser) fail(at Position, message, hint string) {
	if p.err == nil {
		p.err = &Error{Position: at, Kind: Syntax, Message: message, Hint: hint}
	}
}

// check keeps the error of a semantic check.
func (p *parser) check(e *Error) {
	if p.err == nil {
		p.err = e
	}
}

// end expects nothing more.
func (p *parser) end(hint string) {
	t := p.peek()
	if p.err == nil && t.kind != terminator && t.kind != endOfText {
		p.tried = append(p.tried, "<EOF>", "';'")
		p.unexpected(hint)
	}
}

// formNames are the words that statements of ours begin with.
func formNames() []string {
	return []string{"BACKUP", "RESTORE", "SHOW", "CANCEL", "CREATE", "DROP"}
}

func (p *parser) statement() Statement {
	first := p.peek()
	pos := first.pos
	verb := strings.ToUpper(first.raw)
	next := strings.ToUpper(p.look(1).raw)
	shared := sharedVerbs[verb][next] && p.look(1).kind == word
	if first.kind == word && (clusterVerbs[verb] || shared) {
		if shared {
			verb += " " + next
		}
		return &Other{Position: pos, Verb: verb, Text: otherText(p.tokens[:len(p.tokens)-1])}
	}
	switch {
	case p.accept("BACKUP"):
		return p.backup(pos)
	case p.accept("RESTORE"):
		return p.restore(pos)
	case p.accept("SHOW"):
		return p.show(pos)
	case p.accept("CANCEL"):
		return p.cancel(pos)
	case p.accept("CREATE"):
		return p.createRepository(pos)
	case p.accept("DROP"):
		return p.drop(pos)
	}
	p.unexpected(p.verbHint(first))
	return nil
}

// verbHint looks for a slip among the verbs of the cluster too.
func (p *parser) verbHint(t token) string {
	if t.kind != word {
		return ""
	}
	known := formNames()
	for v := range clusterVerbs {
		known = append(known, v)
	}
	slices.Sort(known[len(formNames()):])
	if v := nearest(t.raw, known); v != "" {
		return "did you mean " + v + "?"
	}
	return ""
}

func (p *parser) createRepository(pos Position) Statement {
	s := &CreateRepository{Position: pos}
	if p.accept("READ") {
		p.expect("ONLY")
		s.ReadOnly = true
	}
	p.expect("REPOSITORY")
	nameAt := p.peek().pos
	s.Name = p.identifier("a repository name")
	if !p.accept("WITH") {
		p.unexpected(p.hintUnless("WITH", "WITH BROKER is required, also where there is no broker to name"))
	}
	p.expect("BROKER")
	switch t := p.peek(); {
	case p.err != nil || t.is("ON"):
	case t.kind == literal:
		s.Broker = p.text("a broker name")
	default:
		s.Broker = p.identifier("a broker name")
	}
	p.expect("ON", "LOCATION")
	locationAt := p.peek().pos
	s.Location = p.text("a location in quotes")
	s.Properties, _ = p.properties()
	p.end("")
	p.check(checkRepository(s, nameAt, locationAt))
	return s
}

// hintUnless gives the hint, but not where a slip of the keyword is the better explanation.
func (p *parser) hintUnless(keyword, hint string) string {
	if t := p.peek(); t.kind == word && nearest(t.raw, []string{keyword}) != "" {
		return ""
	}
	return hint
}

func (p *parser) drop(pos Position) Statement {
	if p.accept("REPOSITORY") {
		s := &DropRepository{Position: pos}
		at := p.peek().pos
		s.Name = p.identifier("a repository name")
		p.end("")
		p.check(checkNotEmpty(s.Name, at, "Repository does not exist"))
		return s
	}
	p.expect("SNAPSHOT")
	s := &DropSnapshot{Position: pos}
	at := p.peek().pos
	s.Label = p.identifier("a label")
	p.expect("ON")
	repositoryAt := p.peek().pos
	s.Repository = p.identifier("a repository name")
	s.Force = p.accept("FORCE")
	p.end("")
	p.check(checkLabel(s.Label, at))
	p.check(checkNotEmpty(s.Repository, repositoryAt, "Repository is empty"))
	return s
}

func (p *parser) cancel(pos Position) Statement {
	s := &Cancel{Position: pos}
	s.Restore = p.accept("RESTORE")
	if !s.Restore {
		p.expect("BACKUP")
	}
	switch {
	case p.acceptAny("FROM", "IN"):
		at := p.peek().pos
		s.Database = p.identifier("a database name")
		p.end("")
		p.check(checkDatabase(s.Database, at))
	case p.accept("FOR"):
		p.expect("EXTERNAL", "CATALOG")
		s.ExternalCatalog = true
		p.end("")
	default:
		p.end("")
		p.fail(p.peek().pos, "No selected database for cancel BACKUP/RESTORE", "write FROM and the database, or FOR EXTERNAL CATALOG")
	}
	return s
}

func (p *parser) show(pos Position) Statement {
	switch {
	case p.accept("REPOSITORIES"):
		s := &ShowRepositories{Position: pos}
		s.Filter = p.filter()
		p.end("")
		return s
	case p.accept("BACKUP"):
		return p.showJobs(&ShowJobs{Position: pos})
	case p.accept("RESTORE"):
		return p.showJobs(&ShowJobs{Position: pos, Restore: true})
	case p.accept("SNAPSHOT"):
		return p.showSnapshot(pos)
	}
	p.unexpected("")
	return nil
}

func (p *parser) showJobs(s *ShowJobs) Statement {
	one := p.acceptAny("FROM", "IN")
	at := p.peek().pos
	if one {
		s.Database = p.identifier("a database name")
	}
	s.Filter = p.filter()
	p.end("")
	if one {
		p.check(checkDatabase(s.Database, at))
	}
	return s
}

func (p *parser) showSnapshot(pos Position) Statement {
	s := &ShowSnapshot{Position: pos}
	p.expect("ON")
	at := p.peek().pos
	s.Repository = p.identifier("a repository name")
	s.Filter = p.filter()
	p.end("")
	p.check(checkNotEmpty(s.Repository, at, "Repository is empty"))
	if p.err == nil && s.Filter.Where != nil {
		p.err = s.narrow(s.Filter.Where, at)
		s.Filter.Where = nil
	}
	return s
}

// properties reads PROPERTIES ("k" = "v", …) if it is there, and where each key stands.
func (p *parser) properties() (Properties, []Position) {
	if !p.accept("PROPERTIES") {
		return nil, nil
	}
	p.mute = true
	defer func() { p.mute = false }()
	var list Properties
	var at []Position
	p.expectSymbol("(")
	for more := true; more; more = p.acceptSymbol(",") {
		at = append(at, p.peek().pos)
		key := p.text("a property key in quotes")
		p.expectSymbol("=")
		list = append(list, Property{Key: key, Value: p.text("a property value in quotes")})
	}
	p.expectSymbol(")")
	return list, at
}
