package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"starkeep/job/sealed"
	"starkeep/starter/failure"
)

func newKeys(g *globals) *cobra.Command {
	keys := &cobra.Command{
		Use: "keys", Short: "Look after the key file", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	keys.AddCommand(&cobra.Command{
		Use:   "rotate",
		Short: "Add a key that seals from now on; old keys stay, to open what they sealed",
		Long: `Add a key to the key file and make it the one that seals credentials from now on. Old keys stay in the file: they open what
they sealed. Copy the file to all workers and clients before the next CREATE REPOSITORY.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			id, err := sealed.Rotate(g.keyFile)
			if err != nil {
				return failure.New(failure.Failed, failure.Internal, err.Error(), "")
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "key %s of %s seals from now on; copy the file to all workers and clients\n", id, g.keyFile)
			return err
		},
	})
	return keys
}
