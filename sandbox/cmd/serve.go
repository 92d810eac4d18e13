package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"starkeep/sandbox"
)

// ready is the line that serve prints when all ports answer.
type ready struct {
	Ready       bool   `json:"ready"`
	SQL         string `json:"sql"`
	HTTP        string `json:"http"`
	BackendHTTP string `json:"backend_http"`
	Admin       string `json:"admin"`
}

func newServe() *cobra.Command {
	var c sandbox.Config
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server; it runs until SIGINT or SIGTERM",
		Long: `Start the server. When all ports answer it prints one JSON line with the addresses:

  {"ready":true,"sql":"127.0.0.1:9030","http":"127.0.0.1:8030","backend_http":"127.0.0.1:8040","admin":"127.0.0.1:8050"}

A port 0 is a free port of the machine's choice. The password of root is taken from SANDBOX_PASSWORD, empty if not set.

The admin port makes the server fail on purpose, and tells what it was asked:
  curl -d '{"kind":"sql","contains":"SWAP","action":"cut-after"}' http://127.0.0.1:8050/faults
  curl http://127.0.0.1:8050/faults            # rules and how often they fired
  curl -X DELETE http://127.0.0.1:8050/faults  # remove them
  curl http://127.0.0.1:8050/log?since=0       # statements and requests, passwords included
  curl -X POST 'http://127.0.0.1:8050/compact?database=d&table=t'  # shared-data: moves visible versions, not data versions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c.RootPassword = fromEnvironment("SANDBOX_PASSWORD", "")
			server, err := sandbox.Start(c)
			if err != nil {
				return fmt.Errorf("start server: %w", err)
			}
			line := ready{true, server.SQLAddr(), server.HTTPAddr(), server.BackendHTTPAddr(), server.AdminAddr()}
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(line); err != nil {
				return fmt.Errorf("print addresses: %w", err)
			}
			<-cmd.Context().Done()
			return server.Close()
		},
	}
	f := cmd.Flags()
	f.BoolVar(&c.SharedData, "shared-data", false, "be a shared-data cluster (run_mode = shared_data)")
	f.BoolVar(&c.EnableUDF, "enable-udf", false, "take CREATE FUNCTION (enable_udf = true)")
	f.BoolVar(&c.AnalysedText, "analysed-text", false, "show views as releases before 2026 do: with the analysed query")
	f.StringVar(&c.SQLAddr, "sql", "127.0.0.1:9030", "address of the MySQL protocol")
	f.StringVar(&c.HTTPAddr, "http", "127.0.0.1:8030", "address of the frontend's HTTP side")
	f.StringVar(&c.BackendHTTPAddr, "backend-http", "127.0.0.1:8040", "address of the backend's HTTP side")
	f.StringVar(&c.AdminAddr, "admin", "127.0.0.1:8050", "address of the fault endpoint")
	return cmd
}
