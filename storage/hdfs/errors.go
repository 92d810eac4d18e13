package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/colinmarc/hdfs/v2"

	"starkeep/storage"
	"starkeep/storage/transport"
)

// exception tells whether an error is an answer of the name node with a class of that name.
func exception(err error, class string) bool {
	var remote hdfs.Error
	return errors.As(err, &remote) && short(remote.Exception()) == class
}

// short is the name of a class without its package.
func short(class string) string { return class[strings.LastIndexAny(class, ".$")+1:] }

// belowObject tells that a part of a path is a file. To a user who is not the superuser, the name node says so as if access
// were denied (FSPermissionChecker.checkTraverse).
func belowObject(err error) bool {
	var remote hdfs.Error
	return errors.As(err, &remote) && (short(remote.Exception()) == "ParentNotDirectoryException" ||
		short(remote.Exception()) == "AccessControlException" && strings.Contains(remote.Message(), "(is not a directory)"))
}

// refused tells that the user may not do that.
func refused(err error) bool {
	return errors.Is(err, os.ErrPermission) || exception(err, "AccessControlException")
}

// url names an object, or the root, in messages.
func (b *Bucket) url(key string) string {
	return "hdfs://" + b.authority + b.path(key)
}

// fail turns an error into one line: what was tried, which of storage's errors it is, the store's own words and what to do.
func (b *Bucket) fail(ctx context.Context, op, key string, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s %s: %w", op, b.url(key), cause)
	}
	var body bodyError
	if errors.As(err, &body) {
		return fmt.Errorf("%s %s: %w", op, b.url(key), body.error)
	}
	for _, kind := range []error{storage.ErrNotExist, storage.ErrExist, storage.ErrNoRoot, storage.ErrUnavailable, storage.ErrConfig} {
		if errors.Is(err, kind) { // already said by this package
			return fmt.Errorf("%s %s: %w", op, b.url(key), err)
		}
	}
	why := b.explain(op, err)
	if why.kind == nil {
		return fmt.Errorf("%s %s: %s", op, b.url(key), why.text)
	}
	return fmt.Errorf("%s %s: %w: %s", op, b.url(key), why.kind, why.text)
}

// reason is one of storage's errors, nil for what storage has no name for, and the text that goes with it.
type reason struct {
	kind error
	text string
}

func (b *Bucket) explain(op string, err error) reason {
	var remote hdfs.Error
	switch {
	case errors.As(err, &remote):
		return b.explainAnswer(op, remote)
	case refused(err): // an answer without the words: the library drops them
		return reason{storage.ErrDenied, b.grant(op)}
	case op == "open" && b.settings.login.kerberos == nil && strings.Contains(err.Error(), "unexpected sequence number"):
		// The name node refuses a whole connection in an answer that belongs to no call, and the library does not read on.
		return reason{storage.ErrConfig, "the name node refuses the connection: if the cluster uses Kerberos, " + useKerberos}
	}
	return explainNetwork(err)
}

const useKerberos = "set hadoop.security.authentication = kerberos, with kerberos_principal and kerberos_keytab"

// answer is what an exception of the name node means here and what to do about it.
type answer struct {
	kind error
	todo string
}

// answers are by class; all are of Hadoop 3.4, packages org.apache.hadoop.{hdfs.protocol,hdfs.server.namenode,ipc,security}.
var answers = map[string]answer{
	"DSQuotaExceededException":            {storage.ErrNoSpace, "raise the space quota (hdfs dfsadmin -setSpaceQuota), or drop snapshots"},
	"NSQuotaExceededException":            {storage.ErrNoSpace, "raise the name quota (hdfs dfsadmin -setQuota), or drop snapshots"},
	"QuotaByStorageTypeExceededException": {storage.ErrNoSpace, "raise the quota of the storage type, or drop snapshots"},
	"MaxDirectoryItemsExceededException":  {storage.ErrNoSpace, "raise dfs.namenode.fs-limits.max-directory-items"},
	"PathComponentTooLongException":       {storage.ErrInvalidKey, "raise dfs.namenode.fs-limits.max-component-length"},
	"InvalidPathException":                {storage.ErrInvalidKey, ""},

	"StandbyException":           {storage.ErrUnavailable, ""},
	"RetriableException":         {storage.ErrUnavailable, ""},
	"SafeModeException":          {storage.ErrUnavailable, ""},
	"NotReplicatedYetException":  {storage.ErrUnavailable, ""},
	"LeaseExpiredException":      {storage.ErrUnavailable, ""},
	"RpcNoSuchMethodException":   {storage.ErrConfig, "is that the RPC port of an HDFS name node?"},
	"RpcNoSuchProtocolException": {storage.ErrConfig, "is that the RPC port of an HDFS name node?"},

	"UnknownCryptoProtocolVersionException": {storage.ErrConfig, "the folder lies in an encryption zone: choose another one"},
}

// explainAnswer explains what the name node said.
func (b *Bucket) explainAnswer(op string, remote hdfs.Error) reason {
	class := short(remote.Exception())
	text, _, _ := strings.Cut(remote.Message(), "\n") // the rest is a trace of the name node's stack
	said := shorten(text)
	known := answers[class]
	switch {
	case class == "AccessControlException" && strings.Contains(text, "SIMPLE authentication is not enabled"):
		known = answer{storage.ErrConfig, useKerberos}
	case class == "AccessControlException" || class == "AuthorizationException":
		known = answer{storage.ErrDenied, b.grant(op)}
	case strings.Contains(text, "could only be written to 0 of the"):
		known = unplaced(text)
	case known.kind == nil:
		said = class + ": " + said
	}
	if known.todo != "" {
		said += "; " + known.todo
	}
	return reason{known.kind, said}
}

// unplaced explains why the name node found no data node for a block; BlockManager.chooseTarget4NewBlock has the words.
func unplaced(text string) answer {
	if strings.Contains(text, "There are 0 datanode(s)") || !strings.Contains(text, "no node(s) are excluded") {
		return answer{storage.ErrUnavailable, ""}
	}
	return answer{storage.ErrNoSpace, "free space on the data nodes (hdfs dfsadmin -report), or add some"}
}

// grant names the permission that an operation needs.
func (b *Bucket) grant(op string) string {
	need := "EXECUTE on the folders above and READ on the object"
	switch op {
	case "put", "delete":
		need = "WRITE and EXECUTE on " + b.root + " and its folders"
	case "list":
		need = "READ and EXECUTE on " + b.root + " and its folders"
	case "open":
		need = "READ and EXECUTE on " + b.root + " and its folders, and WRITE on the one above to make it"
	}
	return fmt.Sprintf("grant the user %s %s (hdfs dfs -chown, or -setfacl)", b.settings.login.name(), need)
}

// explainNetwork explains an error that no node answered. The library has no types for its own.
func explainNetwork(err error) reason {
	text := err.Error()
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return reason{storage.ErrConfig, "the host " + name.Name + " is not found: correct the location, or set dfs.nameservices, dfs.ha.namenodes.<service> and dfs.namenode.rpc-address.<service>.<node>"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return reason{storage.ErrUnavailable, "the connection was closed: is the node alive, and is the port that of its RPC?"}
	case strings.Contains(text, "StandbyException"):
		return reason{storage.ErrUnavailable, "no name node is active: those that answer are standby"}
	case strings.Contains(text, "not supported by namenode"):
		return reason{storage.ErrConfig, "the name node does not use Kerberos: set hadoop.security.authentication = simple"}
	case strings.Contains(text, "user not specified"):
		return reason{storage.ErrConfig, "set username"}
	case strings.Contains(text, "KRB"), strings.Contains(text, "KDC"):
		return explainKerberos(text)
	case strings.Contains(text, "invalid checksum"): // not passing: the bytes were handed out already
		return reason{nil, "the data node sent bytes that do not match their checksum"}
	}
	return reason{storage.ErrUnavailable, shorten(text)}
}

// explainKerberos explains why there is no ticket; gokrb5 has text only.
func explainKerberos(text string) reason {
	switch {
	case strings.Contains(text, "Networking_Error"), strings.Contains(text, "KDC_ERR_SVC_UNAVAILABLE"):
		return reason{storage.ErrUnavailable, "the KDC does not answer: see the realm in KRB5_CONFIG; " + shorten(text)}
	case strings.Contains(text, "KRB_AP_ERR_SKEW"):
		return reason{storage.ErrConfig, "the clock of this machine is wrong: set it by NTP"}
	case strings.Contains(text, "KDC_ERR_S_PRINCIPAL_UNKNOWN"):
		return reason{storage.ErrConfig, "Kerberos does not know the name node: set dfs.namenode.kerberos.principal as in its hdfs-site.xml"}
	}
	return reason{storage.ErrDenied, "Kerberos gives no ticket: correct kerberos_principal and kerberos_keytab; " + shorten(text)}
}

// shorten keeps the words of a node from breaking a message. They begin with a path, so there has to be room for it; and what
// a message means is judged before, as behind a long path the words that tell it are cut off.
func shorten(s string) string { return transport.Shorten(s, 300) }
