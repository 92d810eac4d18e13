package s3

import "starkeep/storage"

// PutInParts lowers the size from which objects go in parts, and the size of these.
func PutInParts(b storage.Bucket, single, part int64) {
	bucket := b.(*Bucket)
	bucket.single, bucket.part = single, part
}
