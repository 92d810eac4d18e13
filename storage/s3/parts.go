package s3

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Limits of uploads: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	maxSingle = 5 << 30  // bytes that one PutObject stores
	minPart   = 64 << 20 // ours; S3 allows 5 MiB
	maxParts  = 10_000
)

// abortTimeout bounds the clean-up after a failure, which the caller's cancelled context must not prevent.
const abortTimeout = 30 * time.Second

// putParts puts what is too large for one request. The object appears when the last request completes it, and that one
// carries the condition. Parts that a killed process left are invisible but paid for: the bucket's lifecycle rule
// AbortIncompleteMultipartUpload removes them.
func (b *Bucket) putParts(ctx context.Context, key string, size int64, source io.Reader, condition *string) error {
	object := b.settings.object
	upload, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key,
		StorageClass: object.class, ServerSideEncryption: object.encryption, SSEKMSKeyId: object.kmsKey, Tagging: object.tags,
	})
	if err != nil {
		return err
	}
	parts, err := b.sendParts(ctx, key, upload.UploadId, size, source)
	if err == nil {
		_, err = b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.name, Key: &key, UploadId: upload.UploadId, IfNoneMatch: condition,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err != nil {
		b.abort(ctx, key, upload.UploadId)
	}
	return err
}

// sendParts sends one part after the other: many objects are on their way at once, so the connections are busy anyway.
func (b *Bucket) sendParts(ctx context.Context, key string, upload *string, size int64, source io.Reader) ([]types.CompletedPart, error) {
	partSize := max(b.part, (size+maxParts-1)/maxParts)
	var parts []types.CompletedPart
	for number := int32(1); size > 0; number++ {
		length := min(size, partSize)
		// The hash of a part is not known before it is read; only the whole body's is verified, while it is read.
		out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.name, Key: &key, UploadId: upload, PartNumber: aws.Int32(number),
			Body: io.LimitReader(source, length), ContentLength: &length,
		}, payload([32]byte{}))
		if err != nil {
			return nil, err
		}
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(number), ETag: out.ETag})
		size -= length
	}
	return parts, nil
}

// abort removes the parts of an upload that failed. That it fails too changes nothing: see putParts.
func (b *Bucket) abort(ctx context.Context, key string, upload *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	_, _ = b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: upload})
}
