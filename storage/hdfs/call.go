package hdfs

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// executor is the library's connection to a name node. The library does not export it, and offers no rename that keeps its
// hands off an existing file, which is the one atomic "create if absent" of HDFS for a file that is already written. Nor
// does it keep the name node's words on most errors. Hence the calls below, on the library's own connection, so that
// failover, Kerberos and leases stay its business.
type executor interface {
	Execute(method string, request, response proto.Message) error
}

// executorOf takes the connection out of a client. It fails only for another version of the library.
func executorOf(c *hdfs.Client) (executor, error) {
	field := reflect.ValueOf(c).Elem().FieldByName("namenode")
	if field.IsValid() && field.CanAddr() {
		if e, ok := reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem().Interface().(executor); ok {
			return e, nil
		}
	}
	return nil, errors.New("this version of the HDFS library has no connection that calls can be made on")
}

// fields are those of a message of ClientNamenodeProtocol.proto, by name.
type fields map[protoreflect.Name]any

// message makes a message of the protocol. Its Go type is internal to the library; the registry of types knows it.
func message(name string, f fields) (protoreflect.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("hadoop.hdfs." + name))
	if err != nil {
		return nil, fmt.Errorf("find message %s: %w", name, err)
	}
	m := kind.New()
	for name, value := range f {
		m.Set(m.Descriptor().Fields().ByName(name), protoreflect.ValueOf(value))
	}
	return m, nil
}

// call asks the name node. An error that it answers is an hdfs.Error.
func (s *session) call(method, request string, f fields, response string) (protoreflect.Message, error) {
	in, err := message(request, f)
	if err != nil {
		return nil, err
	}
	out, err := message(response, nil)
	if err != nil {
		return nil, err
	}
	return out, s.names.Execute(method, in.Interface(), out.Interface())
}

// sub returns a field that is a message; nil when it is not set.
func sub(m protoreflect.Message, name protoreflect.Name) protoreflect.Message {
	field := m.Descriptor().Fields().ByName(name)
	if !m.Has(field) {
		return nil
	}
	return m.Get(field).Message()
}

// status describes a file or folder; nil when there is none.
func (s *session) status(path string) (*hdfs.FileStatus, error) {
	answer, err := s.call("getFileInfo", "GetFileInfoRequestProto", fields{"src": path}, "GetFileInfoResponseProto")
	if err != nil {
		return nil, err
	}
	if fs := sub(answer, "fs"); fs != nil {
		return fs.Interface().(*hdfs.FileStatus), nil
	}
	return nil, nil
}

// page returns the entries of a folder behind a name, in byte order, as many as the name node gives at once, and whether
// there are more; nil when there is no such folder.
func (s *session) page(path string, after []byte) (entries []*hdfs.FileStatus, more bool, err error) {
	answer, err := s.call("getListing", "GetListingRequestProto",
		fields{"src": path, "startAfter": after, "needLocation": false}, "GetListingResponseProto")
	if err != nil {
		return nil, false, err
	}
	listing := sub(answer, "dirList")
	if listing == nil {
		return nil, false, nil
	}
	of := listing.Descriptor().Fields()
	list := listing.Get(of.ByName("partialListing")).List()
	entries = make([]*hdfs.FileStatus, list.Len())
	for i := range entries {
		entries[i] = list.Get(i).Message().Interface().(*hdfs.FileStatus)
	}
	return entries, listing.Get(of.ByName("remainingEntries")).Uint() > 0, nil
}

// mkdir makes one folder, or with parents also those above it. A folder that is there is no error.
func (s *session) mkdir(path string, parents bool) error {
	perm, err := message("FsPermissionProto", fields{"perm": uint32(folderMode)})
	if err != nil {
		return err
	}
	_, err = s.call("mkdirs", "MkdirsRequestProto", fields{"src": path, "masked": perm, "createParent": parents}, "MkdirsResponseProto")
	return err
}

// rename moves a file in one step. Without overwrite it fails with FileAlreadyExistsException when the target exists.
func (s *session) rename(from, to string, overwrite bool) error {
	_, err := s.call("rename2", "Rename2RequestProto", fields{"src": from, "dst": to, "overwriteDest": overwrite}, "Rename2ResponseProto")
	return err
}

// remove deletes a file or an empty folder; what is absent is no error.
func (s *session) remove(path string) error {
	_, err := s.call("delete", "DeleteRequestProto", fields{"src": path, "recursive": false}, "DeleteResponseProto")
	return err
}
