package fault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Admin serves the set over HTTP:
//
//	GET    /faults             the rules with their counters
//	POST   /faults             add a rule (the JSON form of Rule); answers {"id": n}
//	DELETE /faults             remove all rules
//	DELETE /faults/{id}        remove one
//	GET    /log?since=n        the log behind sequence number n
func (s *Set) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.Rules()) })
	mux.HandleFunc("POST /faults", s.post)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /faults/{id}", s.delete)
	mux.HandleFunc("GET /log", s.getLog)
	return mux
}

func (s *Set) post(w http.ResponseWriter, r *http.Request) {
	var rule Rule
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields() // a misspelt field would make a rule that fires on everything
	if err := d.Decode(&rule); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("decode rule: %w", err))
		return
	}
	id, err := s.Add(rule)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusCreated, map[string]int{"id": id})
}

func (s *Set) delete(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("parse rule id: %w", err))
		return
	}
	if !s.Remove(id) {
		refuse(w, http.StatusNotFound, fmt.Errorf("no rule %d", id))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Set) getLog(w http.ResponseWriter, r *http.Request) {
	since := int64(0)
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("parse since: %w", err))
			return
		}
	}
	answer(w, http.StatusOK, s.Log(since))
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status is sent; a client that is gone cannot be told more.
	_ = json.NewEncoder(w).Encode(body)
}
