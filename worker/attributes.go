package main

import (
	"context"
	"fmt"
	"maps"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"starkeep/job"
)

// attributes are the search attributes that jobs set. A workflow that sets one which the namespace does not know would
// hang, so a worker makes sure of them before it takes any work.
var attributes = map[string]enumspb.IndexedValueType{
	job.ClusterAttribute:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	job.DatabaseAttribute:   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	job.RepositoryAttribute: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	job.LabelAttribute:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	job.StateAttribute:      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	job.ProgressAttribute:   enumspb.INDEXED_VALUE_TYPE_INT,
}

// ensureAttributes registers the missing ones.
func ensureAttributes(ctx context.Context, c client.Client, namespace string) error {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := maps.Clone(attributes)
	for name := range have.CustomAttributes {
		delete(missing, name)
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing}); err != nil {
		return fmt.Errorf("register search attributes (an administrator can do it: temporal operator search-attribute create --name StarkeepDatabase --type Keyword, and so on): %w", err)
	}
	return nil
}
