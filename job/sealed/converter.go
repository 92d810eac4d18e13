package sealed

import (
	"crypto/rand"
	"fmt"
	"io"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Value is implemented by types that may hold secrets.
type Value interface{ Sealed() }

const (
	encoding    = "binary/sealed"
	keyMetadata = "starkeep-key-id"
)

// DataConverter returns Temporal's default converter, with values that implement Value encrypted (AES-256-GCM).
func (k *Keys) DataConverter() converter.DataConverter {
	return converter.NewCompositeDataConverter(
		converter.NewNilPayloadConverter(),
		converter.NewByteSlicePayloadConverter(),
		payloadConverter{codec: k.Codec()},
		converter.NewProtoJSONPayloadConverter(),
		converter.NewProtoPayloadConverter(),
		converter.NewJSONPayloadConverter(),
	)
}

// Codec encrypts whole payloads and decrypts those that it encrypted; others pass through Decode untouched. A codec
// server for the Temporal UI can be built from it.
func (k *Keys) Codec() converter.PayloadCodec { return codec{k} }

type codec struct{ keys *Keys }

// Encode implements converter.PayloadCodec.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, err
		}
		id, aead, err := c.keys.aead("")
		if err != nil {
			return nil, err
		}
		nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
		if _, err := io.ReadFull(rand.Reader, nonce); err != nil {
			return nil, err
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyMetadata: []byte(id)},
			Data:     aead.Seal(nonce, nonce, plain, []byte(id)),
		}
	}
	return out, nil
}

// Decode implements converter.PayloadCodec.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
			out[i] = p
			continue
		}
		id := string(p.Metadata[keyMetadata])
		if id == "" {
			return nil, fmt.Errorf("open sealed value: %w: it names no key", ErrUnknownKey)
		}
		_, aead, err := c.keys.aead(id)
		if err != nil {
			return nil, fmt.Errorf("open sealed value: %w", err)
		}
		if len(p.Data) < aead.NonceSize() {
			return nil, fmt.Errorf("open sealed value: it is cut short")
		}
		nonce, text := p.Data[:aead.NonceSize()], p.Data[aead.NonceSize():]
		plain, err := aead.Open(nil, nonce, text, []byte(id))
		if err != nil {
			return nil, fmt.Errorf("open sealed value: %w", err)
		}
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, out[i]); err != nil {
			return nil, fmt.Errorf("open sealed value: %w", err)
		}
	}
	return out, nil
}

// payloadConverter seals values of type Value and leaves all others to the next converter of the chain.
type payloadConverter struct {
	codec converter.PayloadCodec
	json  converter.JSONPayloadConverter
}

// ToPayload implements converter.PayloadConverter: nil means "not mine".
func (c payloadConverter) ToPayload(value any) (*commonpb.Payload, error) {
	if _, ok := value.(Value); !ok {
		return nil, nil
	}
	plain, err := c.json.ToPayload(value)
	if err != nil {
		return nil, err
	}
	sealed, err := c.codec.Encode([]*commonpb.Payload{plain})
	if err != nil {
		return nil, fmt.Errorf("seal value: %w", err)
	}
	return sealed[0], nil
}

// FromPayload implements converter.PayloadConverter.
func (c payloadConverter) FromPayload(p *commonpb.Payload, valuePtr any) error {
	plain, err := c.codec.Decode([]*commonpb.Payload{p})
	if err != nil {
		return err
	}
	return c.json.FromPayload(plain[0], valuePtr)
}

// ToString implements converter.PayloadConverter.
func (c payloadConverter) ToString(*commonpb.Payload) string { return "(sealed)" }

// Encoding implements converter.PayloadConverter.
func (c payloadConverter) Encoding() string { return encoding }
