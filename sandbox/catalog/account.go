package catalog

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

// user is one account.
type user struct {
	account    dialect.Account
	hash       []byte // SHA1(SHA1(password)); nil: no password
	plugin     string
	auth       string // what a plugin other than mysql_native_password was given
	properties map[string]string
	roles      []string // granted
	defaults   []string // active after login
	grants     []entry
}

const nativePlugin = "MYSQL_NATIVE_PASSWORD"

// rootAccount is the user that is always there.
var rootAccount = dialect.Account{Name: "root", Host: "%"}

var (
	userName = regexp.MustCompile(`^\w{1,64}/?[.\w-]*$`) // fe:sql/analyzer/FeNameFormat MYSQL_USER_NAME_REGEX
	roleName = regexp.MustCompile(`^[a-zA-Z]\w{0,63}$`)
)

func (c *Catalog) initAccounts(rootPassword string) {
	c.users, c.roles = map[string]*user{}, builtinRoles()
	root := &user{account: rootAccount, hash: hashPassword(rootPassword), plugin: nativePlugin, roles: []string{"root"}, defaults: []string{"root"}}
	c.users[rootAccount.String()] = root
}

// hashPassword is what mysql_native_password keeps.
func hashPassword(password string) []byte {
	if password == "" {
		return nil
	}
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	return twice[:]
}

// authenticate reads IDENTIFIED ….
func (u *user) authenticate(a *dialect.Authentication) error {
	u.plugin, u.hash, u.auth = nativePlugin, nil, ""
	if a == nil {
		return nil
	}
	if a.Plugin != "" && !strings.EqualFold(a.Plugin, nativePlugin) {
		u.plugin, u.auth = strings.ToUpper(a.Plugin), a.Text
		if !slices.Contains([]string{"AUTHENTICATION_LDAP_SIMPLE", "AUTHENTICATION_JWT", "AUTHENTICATION_OAUTH2"}, u.plugin) {
			return Analyzing("Cannot find %s from [MYSQL_NATIVE_PASSWORD, AUTHENTICATION_LDAP_SIMPLE, AUTHENTICATION_JWT, AUTHENTICATION_OAUTH2]", a.Plugin)
		}
		return nil
	}
	if !a.Hashed {
		u.hash = hashPassword(a.Text)
		return nil
	}
	if a.Text == "" {
		return nil
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(a.Text, "*"))
	if err != nil || len(hash) != sha1.Size || !strings.HasPrefix(a.Text, "*") { // fe:mysql/MysqlPassword.checkPassword
		return fail(1372, "HY000", "Password hash should be a 41-digit hexadecimal number")
	}
	u.hash = hash
	return nil
}

// CreateUser creates a user; its default roles are granted, too.
func (c *Catalog) CreateUser(s *dialect.CreateUser) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !userName.MatchString(s.Account.Name) {
		return Analyzing("invalid user name: %s", s.Account.Name)
	}
	if _, ok := c.users[s.Account.String()]; ok {
		if s.IfNotExists {
			return nil
		}
		return Analyzing("user %s already exists!", s.Account)
	}
	for _, r := range s.Roles {
		if _, ok := c.roles[r]; !ok {
			return Analyzing("Valid role name fail: cannot find role %s!", r)
		}
	}
	u := &user{account: s.Account, roles: slices.Clone(s.Roles), defaults: slices.Clone(s.Roles)}
	if err := u.authenticate(s.Authentication); err != nil {
		return err
	}
	if err := u.setProperties(s.Properties); err != nil {
		return err
	}
	c.users[s.Account.String()] = u
	return nil
}

// AlterUser changes the authentication, the default roles or the properties of a user.
func (c *Catalog) AlterUser(s *dialect.AlterUser) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, err := c.user(*s.Account)
	if err != nil {
		if s.IfExists {
			return nil
		}
		return err
	}
	switch {
	case s.Default != nil:
		return u.setDefault(*s.Default)
	case s.Authentication != nil:
		changed := *u
		if err := changed.authenticate(s.Authentication); err != nil {
			return err
		}
		*u = changed
		return nil
	}
	return u.setProperties(s.Properties)
}

func (u *user) setProperties(properties map[string]string) error {
	changed := maps.Clone(u.properties)
	if changed == nil {
		changed = map[string]string{}
	}
	for key, value := range properties {
		if lower := strings.ToLower(key); lower != "max_user_connections" && lower != "database" && lower != "catalog" && !strings.HasPrefix(lower, "session.") {
			return ddl("Unknown user property(%s)", key)
		}
		changed[key] = value
	}
	u.properties = changed
	return nil
}

func (c *Catalog) user(a dialect.Account) (*user, error) {
	u, ok := c.users[a.String()]
	if !ok {
		return nil, Analyzing("cannot find user %s!", a)
	}
	return u, nil
}

// DropUser drops a user with its grants.
func (c *Catalog) DropUser(s *dialect.DropUser) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Account == rootAccount {
		return Analyzing("Operation DROP USER failed for %s : cannot drop user %s", rootAccount, rootAccount)
	}
	if _, err := c.user(s.Account); err != nil && !s.IfExists {
		return err
	}
	delete(c.users, s.Account.String())
	return nil
}

// UserInfo is a user at one moment.
type UserInfo struct {
	Account    dialect.Account
	Password   bool
	Plugin     string
	Auth       string // of a plugin other than the native one
	Properties map[string]string
	Roles      []string
}

// Users returns the users, sorted.
func (c *Catalog) Users() (list []UserInfo) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(c.users)) {
		u := c.users[name]
		list = append(list, UserInfo{u.account, u.hash != nil, u.plugin, u.auth, u.properties, u.roles})
	}
	return list
}

// Match finds the account that a client of this name on this machine logs in as: the one with the closest host
// (fe:authentication/AuthenticationMgr.getBestMatchedUserIdentity).
func (c *Catalog) Match(name string) (dialect.Account, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u := c.match(name)
	if u == nil {
		return dialect.Account{}, false
	}
	return u.account, true
}

func (c *Catalog) match(name string) (best *user) {
	for _, key := range slices.Sorted(maps.Keys(c.users)) {
		u := c.users[key]
		local, err := path.Match(strings.ReplaceAll(u.account.Host, "%", "*"), "127.0.0.1")
		if u.account.Name == name && err == nil && local && (best == nil || len(u.account.Host) > len(best.account.Host)) {
			best = u
		}
	}
	return best
}

// Authenticate implements streamload.Engine.
func (c *Catalog) Authenticate(name, password string) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if u := c.match(name); u != nil && subtle.ConstantTimeCompare(u.hash, hashPassword(password)) == 1 {
		return nil
	}
	return fail(1045, "28000", "Access denied for user '%s' (using password: YES)", name)
}

// Verify checks the answer of a client to the salt of mysql_native_password.
func (c *Catalog) Verify(name string, salt, response []byte) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u := c.match(name)
	if u == nil || u.plugin != nativePlugin {
		return false
	}
	if u.hash == nil || len(response) != sha1.Size {
		return u.hash == nil && len(response) == 0
	}
	// The answer is SHA1(password) XOR SHA1(salt + SHA1(SHA1(password))).
	mask := sha1.Sum(append(slices.Clone(salt), u.hash...))
	once := make([]byte, sha1.Size)
	subtle.XORBytes(once, response, mask[:])
	twice := sha1.Sum(once)
	return subtle.ConstantTimeCompare(twice[:], u.hash) == 1
}

// Authorize implements streamload.Engine.
func (c *Catalog) Authorize(name, database, table string) error {
	return c.Check(c.Login(name, false), Need{Privilege: "INSERT", Kind: "TABLE", Database: database, Name: table})
}
